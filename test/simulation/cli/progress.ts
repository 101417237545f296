import type { WriteStream } from 'node:tty'

const width = 30
const plainMillis = 10_000

/** Shows how far the work is: a bar on a terminal, and elsewhere a line now and then. */
export class Progress {
  readonly #stream: WriteStream | NodeJS.WritableStream
  readonly #isTerminal: boolean
  readonly #total: number
  readonly #beganAt = Date.now()
  #done = 0
  #shownAt = Date.now()

  constructor (stream: WriteStream, total: number) {
    this.#stream = stream
    this.#isTerminal = stream.isTTY
    this.#total = total
  }

  /** Seeds a second. */
  get speed (): number {
    return this.#done * 1000 / Math.max(1, Date.now() - this.#beganAt)
  }

  step (): void {
    this.#done++
    const wait = this.#isTerminal ? 100 : plainMillis
    if (Date.now() - this.#shownAt < wait && this.#done < this.#total) return
    this.#shownAt = Date.now()
    const text = `${this.#done} of ${this.#total} seeds, ${this.speed.toFixed(1)} seeds/s`
    const filled = Math.floor(width * this.#done / this.#total)
    const bar = `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}]`
    this.#stream.write(this.#isTerminal ? `\r${bar} ${text}\x1b[K` : `${text}\n`)
  }

  /** Leaves the line of the bar. */
  end (): void {
    if (this.#isTerminal) this.#stream.write('\r\x1b[K')
  }
}
