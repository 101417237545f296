import { Problem } from '../../storage/problem.ts'
import type { Outcome } from '../../storage/types.ts'
import type { GivenReceipt } from './receipts.ts'

export interface ProposalsOptions {
  max: number
  textOf: (receipt: GivenReceipt) => string
}

/** One proposal whose outcome is waited for; null for one of which nobody needs more than that a leader has it. */
export interface Waiting {
  readonly outcome: Promise<Outcome | null>
  readonly timeoutMs: number
  /** In milliseconds of the process's clock. */
  readonly deadline: number
  /** By which the outcome can be asked for when the waiting is over; null when it has none. */
  receipt: GivenReceipt | null
  resolve: (outcome: Outcome | null) => void
  reject: (error: Error) => void
}

/** How often overdue proposals are looked for. */
const sweepMs = 100

/**
 * The proposals whose outcome somebody waits for. One sweep serves all time-outs: a timer for each write
 * would cost more than the rest of the waiting.
 */
export class Proposals {
  readonly #waiting = new Set<Waiting>()
  readonly #max: number
  readonly #textOf: ProposalsOptions['textOf']
  readonly #sweep: NodeJS.Timeout

  constructor ({ max, textOf }: ProposalsOptions) {
    this.#max = max
    this.#textOf = textOf
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

  wait (receipt: GivenReceipt | null, timeoutMs: number): Waiting {
    let resolve!: Waiting['resolve']
    let reject!: Waiting['reject']
    const outcome = new Promise<Outcome | null>((_resolve, _reject) => { resolve = _resolve; reject = _reject })
    const waiting = { outcome, timeoutMs, deadline: performance.now() + timeoutMs, receipt, resolve, reject }
    this.#waiting.add(waiting)
    return waiting
  }

  /** Whether its outcome is still waited for. */
  has (waiting: Waiting): boolean {
    return this.#waiting.has(waiting)
  }

  settle (waiting: Waiting, outcome: Outcome | null): void {
    this.#waiting.delete(waiting)
    waiting.resolve(outcome)
  }

  /** The proposal did not get into the log. */
  refuse (waiting: Waiting, error: Error): void {
    this.#waiting.delete(waiting)
    waiting.reject(error)
  }

  /** It may have got into the log, and nobody here will know. */
  giveUp (waiting: Waiting, reason: string, options?: ErrorOptions): void {
    this.refuse(waiting, new Problem('OUTCOME_UNKNOWN', { reason, ...this.#receiptOf(waiting) }, options))
  }

  giveUpAll (reason: string, options?: ErrorOptions): void {
    for (const waiting of this.#waiting) this.giveUp(waiting, reason, options)
  }

  close (): void {
    clearInterval(this.#sweep)
  }

  #expire (): void {
    const now = performance.now()
    for (const waiting of this.#waiting) {
      if (waiting.deadline > now) continue
      const timeoutSeconds = waiting.timeoutMs / 1000
      this.refuse(waiting, new Problem('WRITE_TIMEOUT', { timeoutSeconds, ...this.#receiptOf(waiting) }))
    }
  }

  #receiptOf ({ receipt }: Waiting): { receipt?: string } {
    return receipt === null ? {} : { receipt: this.#textOf(receipt) }
  }
}
