import type { ApplyRequest } from '../../plugins/raft/driver.ts'
import type { Outcome } from '../../storage/types.ts'

export type Applied = (outcomes: readonly (Outcome | null)[]) => void

interface Waiting {
  request: ApplyRequest
  done: Applied
}

/** Hands requests to the state machine, one after another, each a while after the one before it. */
export class Applier {
  readonly #later: (happen: () => Promise<void>) => void
  readonly #apply: (request: ApplyRequest) => Promise<Array<Outcome | null>>
  readonly #queue: Waiting[] = []
  #isBusy = false
  #whenIdle: (() => Promise<void>)[] = []

  constructor (
    later: (happen: () => Promise<void>) => void, apply: (request: ApplyRequest) => Promise<Array<Outcome | null>>
  ) {
    this.#later = later
    this.#apply = apply
  }

  add (request: ApplyRequest, done: Applied): void {
    this.#queue.push({ request, done })
    if (!this.#isBusy) this.#begin()
  }

  /** Calls back once nothing waits. */
  whenIdle (then: () => Promise<void>): void | Promise<void> {
    if (!this.#isBusy) return then()
    this.#whenIdle.push(then)
  }

  #begin (): void {
    this.#isBusy = true
    this.#later(async () => {
      const { request, done } = this.#queue.shift()!
      done(await this.#apply(request))
      if (this.#queue.length > 0) {
        this.#begin()
        return
      }
      this.#isBusy = false
      const waiting = this.#whenIdle
      this.#whenIdle = []
      for (const then of waiting) await then()
    })
  }
}
