import type { ServerResponse } from 'node:http'
import type { Change } from '../../storage/change.ts'
import { Problem } from '../../storage/problem.ts'

interface Waiter {
  matches: (change: Change) => boolean
  /** The last revision of which it is known that nothing up to it matches. */
  seen: number
  wake: () => void
}

/** Long polls that wait for a change: woken by the first that matches, by their time, or when the node goes. */
export class Waiters {
  readonly #waiting = new Set<Waiter>()
  readonly #max: number
  #closed = false

  constructor (max: number) {
    this.#max = max
  }

  get size (): number {
    return this.#waiting.size
  }

  /**
   * Resolves when a matching change was published, when the seconds have passed, or when the reader or the node goes,
   * to the revision up to which nothing matched: whoever waits for what is rare has not fallen behind meanwhile.
   *
   * @param since all up to this revision has been read, and nothing after it published
   * @throws Problem TOO_MANY_READERS when as many wait already as the node allows.
   */
  wait (
    matches: (change: Change) => boolean, since: number, seconds: number, response: ServerResponse
  ): Promise<number> {
    if (this.#waiting.size >= this.#max) {
      throw new Problem('TOO_MANY_READERS', { setting: 'CHANGEWELL_BLOCKED_READERS_MAX', limit: this.#max })
    }
    if (this.#closed || response.destroyed) return Promise.resolve(since)
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        response.off('close', wake)
        this.#waiting.delete(waiter)
        resolve(waiter.seen)
      }
      const waiter: Waiter = { matches, seen: since, wake }
      const timer = setTimeout(wake, seconds * 1000)
      response.once('close', wake)
      this.#waiting.add(waiter)
    })
  }

  publish (changes: Change[]): void {
    const last = changes.at(-1)?.revision ?? 0
    for (const waiter of this.#waiting) {
      const found = changes.find((change) => waiter.matches(change))
      // What was published before it began to wait may be heard of after.
      waiter.seen = Math.max(waiter.seen, found === undefined ? last : found.revision - 1)
      if (found !== undefined) waiter.wake()
    }
  }

  /** For whatever reason, all of them look again. */
  wakeAll (): void {
    for (const waiter of this.#waiting) waiter.wake()
  }

  close (): void {
    this.#closed = true
    this.wakeAll()
  }
}
