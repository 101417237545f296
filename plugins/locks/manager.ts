import type { Catalog } from '../../storage/catalog.ts'
import { Problem } from '../../storage/problem.ts'
import type { WriteProposal } from '../../storage/types.ts'
import { areSame, locksOf } from './locks-of.ts'
import { LockTable, type Hold, type Lock, type LockedPlace } from './table.ts'

export interface LockManagerOptions {
  catalog: () => Catalog
  waitSeconds: number
  waitersMax: number
  /** A write that had to wait waits no more: why, and for how long it did. */
  onWaited?: (event: { result: WaitResult, seconds: number }) => void
}

export type WaitResult = 'granted' | 'timeout' | 'abandoned'

/** Whose locks they are. Times are of the process's clock, in milliseconds. */
export interface Owner {
  /** The id of the request, as the log of the node that got it has it. */
  request: string
  since: number
}

export interface LocksWanted {
  proposal: WriteProposal
  request: string
  /** Has the locks, until it calls what it is given. */
  enter: (leave: () => void) => void
  /** Nothing was done. Null: this node does not lead any more, and another may take the write. */
  refuse: (problem: Problem | null) => void
}

interface Waiter {
  wanted: LocksWanted
  locks: Lock[]
  hold: Hold<Owner>
  deadline: number
}

/** How often waiters are looked at whose time may be over. */
const sweepMs = 50

/**
 * The locks of the writes that this node, as leader, has under way. It bounds how many wait and for how long; who is
 * next is the table's. Nothing here is promised to anybody: what a write needs is checked again when it is applied.
 */
export class LockManager {
  readonly #options: LockManagerOptions
  readonly #table = new LockTable<Owner>()
  readonly #waiters = new Set<Waiter>()
  #sweep: NodeJS.Timeout | null = null

  constructor (options: LockManagerOptions) {
    this.#options = options
  }

  /** Writes that hold their locks. */
  get held (): number {
    return this.#table.size - this.#waiters.size
  }

  get waiting (): number {
    return this.#waiters.size
  }

  places (): LockedPlace<Owner>[] {
    return this.#table.places()
  }

  /** Calls `enter` with the locks of a write, before it returns when nobody is in the way, or `refuse`. */
  acquire (wanted: LocksWanted): void {
    this.#line(wanted, performance.now(), false)
  }

  /** This node leads no more: its locks mean nothing now, and whoever waits is to ask elsewhere. */
  abandon (): void {
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    this.#table.clear()
    for (const waiter of waiters) {
      this.#waited(waiter.hold, 'abandoned')
      waiter.wanted.refuse(null)
    }
  }

  close (): void {
    this.abandon()
    if (this.#sweep !== null) clearInterval(this.#sweep)
  }

  /** @param since when the write came: one that lines up again has waited all the time */
  #line (wanted: LocksWanted, since: number, isAgain: boolean): void {
    const { catalog, waitersMax, waitSeconds } = this.#options
    const locks = locksOf(wanted.proposal, catalog())
    let waiter: Waiter | null = null
    const hold = this.#table.enter(locks, { request: wanted.request, since }, () => { this.#granted(waiter!) })
    if (hold.blocked === 0) {
      if (isAgain) this.#waited(hold, 'granted')
      return this.#enter(wanted, hold)
    }
    if (!isAgain && this.#waiters.size >= waitersMax) {
      this.#table.leave(hold)
      return wanted.refuse(new Problem('TOO_MANY_WAITERS', { limit: waitersMax }))
    }
    waiter = { wanted, locks, hold, deadline: since + waitSeconds * 1000 }
    this.#waiters.add(waiter)
    this.#sweep ??= setInterval(() => this.#expire(), sweepMs).unref()
  }

  #granted (waiter: Waiter): void {
    const { wanted, locks, hold } = waiter
    this.#waiters.delete(waiter)
    // Whoever it waited for may have renamed the tenant that it names by its id.
    if (!areSame(locks, locksOf(wanted.proposal, this.#options.catalog()))) {
      this.#table.leave(hold)
      return this.#line(wanted, hold.owner.since, true)
    }
    this.#waited(hold, 'granted')
    this.#enter(wanted, hold)
  }

  #enter (wanted: LocksWanted, hold: Hold<Owner>): void {
    wanted.enter(() => { this.#table.leave(hold) })
  }

  #expire (): void {
    const now = performance.now()
    for (const waiter of this.#waiters) {
      if (waiter.deadline > now) continue
      this.#waiters.delete(waiter)
      this.#waited(waiter.hold, 'timeout')
      this.#table.leave(waiter.hold)
      waiter.wanted.refuse(new Problem('LOCK_TIMEOUT', { waitSeconds: this.#options.waitSeconds }))
    }
    if (this.#waiters.size > 0 || this.#sweep === null) return
    clearInterval(this.#sweep)
    this.#sweep = null
  }

  #waited ({ owner }: Hold<Owner>, result: WaitResult): void {
    this.#options.onWaited?.({ result, seconds: (performance.now() - owner.since) / 1000 })
  }
}
