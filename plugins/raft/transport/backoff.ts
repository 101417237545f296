/** Pauses between attempts: each about twice as long as the one before, up to a limit, and never quite as long. */
export class Backoff {
  readonly #minMs: number
  readonly #maxMs: number
  #nextMs: number

  constructor (minMs: number, maxMs: number) {
    this.#minMs = minMs
    this.#maxMs = maxMs
    this.#nextMs = minMs
  }

  reset (): void {
    this.#nextMs = this.#minMs
  }

  next (): number {
    const pause = this.#nextMs
    this.#nextMs = Math.min(pause * 2, this.#maxMs)
    return pause * (0.5 + Math.random() / 2)
  }
}
