import type { ServerResponse } from 'node:http'
import type { Change } from '../../storage/change.ts'
import { Problem } from '../../storage/problem.ts'

interface Waiter {
  matches: (change: Change) => boolean
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
   * Resolves when a matching change was published, when the seconds have passed, or when the reader or the node goes.
   *
   * @throws Problem TOO_MANY_READERS when as many wait already as the node allows.
   */
  wait (matches: (change: Change) => boolean, seconds: number, response: ServerResponse): Promise<void> {
    if (this.#waiting.size >= this.#max) {
      throw new Problem('TOO_MANY_READERS', { setting: 'CHANGEWELL_BLOCKED_READERS_MAX', limit: this.#max })
    }
    if (this.#closed || response.destroyed) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        response.off('close', wake)
        this.#waiting.delete(waiter)
        resolve()
      }
      const waiter: Waiter = { matches, wake }
      const timer = setTimeout(wake, seconds * 1000)
      response.once('close', wake)
      this.#waiting.add(waiter)
    })
  }

  publish (changes: Change[]): void {
    for (const waiter of this.#waiting) {
      if (changes.some((change) => waiter.matches(change))) waiter.wake()
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
