/** Beats within one idle time: so many signs of life are missed before a connection is given up. */
const beats = 3

/**
 * Watches over a connection: it is silent when nothing was heard during three beats in a row. Beats are counted and not
 * the time, so a node that was stopped itself for a while does not take its peers for dead.
 */
export class Pulse {
  readonly #timer: NodeJS.Timeout
  #heard = true
  #silent = 0

  constructor (idleMs: number, { onBeat, onSilent }: { onBeat: () => void, onSilent: () => void }) {
    this.#timer = setInterval(() => {
      this.#silent = this.#heard ? 0 : this.#silent + 1
      this.#heard = false
      if (this.#silent >= beats) onSilent()
      else onBeat()
    }, idleMs / beats).unref()
  }

  heard (): void {
    this.#heard = true
  }

  stop (): void {
    clearInterval(this.#timer)
  }
}
