import { Problem } from '../../storage/problem.ts'
import type { Outcome } from '../../storage/types.ts'

/** One proposal whose outcome is waited for. */
export interface Waiting {
  readonly index: number
  readonly outcome: Promise<Outcome>
  deadline: number
  resolve: (outcome: Outcome) => void
  reject: (error: Error) => void
}

/** How often overdue proposals are looked for. */
const sweepMs = 100

/**
 * The proposals whose outcome somebody waits for, by log index. One sweep serves all time-outs: a timer for each write
 * would cost more than the rest of the waiting.
 */
export class Proposals {
  readonly #waiting = new Map<number, Waiting>()
  readonly #max: number
  readonly #timeoutMs: number
  readonly #sweep: NodeJS.Timeout

  constructor ({ max, timeoutSeconds }: { max: number, timeoutSeconds: number }) {
    this.#max = max
    this.#timeoutMs = timeoutSeconds * 1000
    this.#sweep = setInterval(() => this.#expire(), sweepMs)
    this.#sweep.unref()
  }

  get size (): number {
    return this.#waiting.size
  }

  /** @throws Problem TOO_MANY_WRITES when there is no room for another. */
  admit (): void {
    if (this.#waiting.size >= this.#max) throw new Problem('TOO_MANY_WRITES', { limit: this.#max })
  }

  wait (index: number): Waiting {
    let resolve!: Waiting['resolve']
    let reject!: Waiting['reject']
    const outcome = new Promise<Outcome>((_resolve, _reject) => { resolve = _resolve; reject = _reject })
    const waiting = { index, outcome, deadline: performance.now() + this.#timeoutMs, resolve, reject }
    this.#waiting.set(index, waiting)
    return waiting
  }

  settle (index: number, outcome: Outcome): void {
    this.#waiting.get(index)?.resolve(outcome)
    this.#waiting.delete(index)
  }

  /** The proposal did not get into the log. Another may have its index by now. */
  refuse (waiting: Waiting, error: Error): void {
    if (this.#waiting.get(waiting.index) === waiting) this.#waiting.delete(waiting.index)
    waiting.reject(error)
  }

  failAll (error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }

  close (): void {
    clearInterval(this.#sweep)
  }

  /** They were added in the order of their deadlines, so the first that is not overdue ends the sweep. */
  #expire (): void {
    const now = performance.now()
    for (const [index, { deadline, reject }] of this.#waiting) {
      if (deadline > now) return
      this.#waiting.delete(index)
      reject(new Problem('WRITE_TIMEOUT', { timeoutSeconds: this.#timeoutMs / 1000 }))
    }
  }
}
