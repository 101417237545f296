import type { Children } from './children.ts'
import { conflictsWith, modes } from './modes.ts'

/** What a lock is on: a tenant by the parts of its name, perhaps a collection of it, perhaps a key of that. */
export interface Place {
  tenant: readonly string[]
  collection?: string
  key?: string
}

/** What one hold wants of one place: a set of modes. */
export interface Claim<Hold> {
  readonly hold: Hold
  readonly node: LockNode<Hold>
  modes: number
  /** The hold's next. A list in the claims themselves: less to make and to tidy away than an array for each hold. */
  next: Claim<Hold> | null
}

/**
 * One place that somebody holds or waits for, or that has such a place in it. A claim is granted when nothing that came
 * before it stands against it, be that granted or not: so nobody is overtaken by those whom it waits for.
 */
export class LockNode<Hold> {
  parent: LockNode<Hold> | null
  name: string
  /** Tenants below this one. */
  tenants: Children<LockNode<Hold>> | null = null
  /** A tenant's collections, or a collection's keys. */
  parts: Children<LockNode<Hold>> | null = null
  /** The claim of the hold that is being made, so that it has one for each place. */
  newest: Claim<Hold> | null = null
  /** Claims and nodes that keep this one. */
  users = 0
  /** How many granted claims have each mode. */
  #shared = 0
  #exclusive = 0
  #intentShared = 0
  #intentExclusive = 0
  #queue: Set<Claim<Hold>> | null = null

  constructor (parent: LockNode<Hold> | null, name: string) {
    this.parent = parent
    this.name = name
  }

  /** Whether the claim is granted at once; else it waits in line. */
  enter (claim: Claim<Hold>): boolean {
    this.users++
    if (!conflictsWith(claim.modes, this.#granted) && !this.#isQueuedAgainst(claim.modes)) {
      this.#count(claim.modes, 1)
      return true
    }
    this.#queue ??= new Set()
    this.#queue.add(claim)
    return false
  }

  /** Takes a claim away. Those that only it stood against are granted, and added to `granted`, which is returned. */
  leave (claim: Claim<Hold>, granted: Claim<Hold>[] | null): Claim<Hold>[] | null {
    this.users--
    const queue = this.#queue
    if (queue === null || !queue.delete(claim)) this.#count(claim.modes, -1)
    if (queue === null) return granted
    let before = this.#granted
    for (const waiting of queue) {
      if (!conflictsWith(waiting.modes, before)) {
        queue.delete(waiting)
        this.#count(waiting.modes, 1)
        granted ??= []
        granted.push(waiting)
      }
      before |= waiting.modes
      if ((before & modes.X) !== 0) break
    }
    if (queue.size === 0) this.#queue = null
    return granted
  }

  isWaiting (claim: Claim<Hold>): boolean {
    return this.#queue?.has(claim) ?? false
  }

  /** The set of modes that somebody has. */
  get #granted (): number {
    return (this.#intentShared > 0 ? modes.IS : 0) | (this.#intentExclusive > 0 ? modes.IX : 0) |
      (this.#shared > 0 ? modes.S : 0) | (this.#exclusive > 0 ? modes.X : 0)
  }

  #isQueuedAgainst (wanted: number): boolean {
    if (this.#queue === null) return false
    for (const waiting of this.#queue) if (conflictsWith(wanted, waiting.modes)) return true
    return false
  }

  #count (set: number, more: number): void {
    if ((set & modes.IS) !== 0) this.#intentShared += more
    if ((set & modes.IX) !== 0) this.#intentExclusive += more
    if ((set & modes.S) !== 0) this.#shared += more
    if ((set & modes.X) !== 0) this.#exclusive += more
  }
}
