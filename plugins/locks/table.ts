import { Children } from './children.ts'
import { intentionOf, type Mode } from './modes.ts'
import { LockNode, type Claim, type Place } from './node.ts'

type Node<Owner> = LockNode<Hold<Owner>>
type Wanted<Owner> = Claim<Hold<Owner>>

/** So many places that nobody is at any more are kept to be used again: most writes need two or three for a moment. */
const sparesMax = 256

export interface Lock extends Place {
  mode: Mode
}

/** All the locks of one owner, had together or waited for together. */
export interface Hold<Owner> {
  readonly owner: Owner
  readonly onGranted: () => void
  /** The first of its claims, and the last. */
  first: Wanted<Owner> | null
  last: Wanted<Owner> | null
  /** Claims that are not granted yet. */
  blocked: number
  isGone: boolean
  /** Its neighbours among all holds, in the order in which they came. */
  older: Hold<Owner> | null
  newer: Hold<Owner> | null
}

/** One place of the table and who is there, in the order in which they came. */
export interface LockedPlace<Owner> {
  place: Place
  holders: { owner: Owner, modes: number }[]
  waiters: { owner: Owner, modes: number }[]
}

/**
 * Who holds which locks and who waits for them. It knows no clock and no limits, and waits for nothing: it is told who
 * comes and who goes, and tells who is granted what.
 *
 * A hold joins all its lines in one step. So whoever waits, waits only for those who came before, in every line: there
 * is no circle of waiting, and nobody is overtaken by those with whom it shares no place.
 */
export class LockTable<Owner> {
  #root = new LockNode<Hold<Owner>>(null, '')
  #nodes = 0
  readonly #spares: Node<Owner>[] = []
  #oldest: Hold<Owner> | null = null
  #newest: Hold<Owner> | null = null
  #size = 0
  /** Holds that have their locks and are still to be told. */
  #ready: Hold<Owner>[] = []
  #isTelling = false

  /** Holds, granted or not. */
  get size (): number {
    return this.#size
  }

  /** Places that somebody is at, or inside. */
  get nodes (): number {
    return this.#nodes
  }

  /** Takes the locks, or lines up for them: `blocked` is 0 when they are had now; when later, `onGranted` is called. */
  enter (locks: readonly Lock[], owner: Owner, onGranted: () => void): Hold<Owner> {
    const hold: Hold<Owner> = {
      owner, onGranted, first: null, last: null, blocked: 0, isGone: false, older: this.#newest, newer: null,
    }
    for (const lock of locks) this.#claim(hold, lock)
    for (let claim = hold.first; claim !== null; claim = claim.next) {
      claim.node.newest = null
      if (!claim.node.enter(claim)) hold.blocked++
    }
    if (this.#newest === null) this.#oldest = hold
    else this.#newest.newer = hold
    this.#newest = hold
    this.#size++
    return hold
  }

  /** Gives the locks back, or the place in the lines. A hold that is gone already is passed over. */
  leave (hold: Hold<Owner>): void {
    if (hold.isGone) return
    hold.isGone = true
    let granted: Wanted<Owner>[] | null = null
    const { first } = hold
    this.#unlink(hold)
    for (let claim = first; claim !== null; claim = claim.next) {
      granted = claim.node.leave(claim, granted)
      if (claim.node.users === 0) this.#prune(claim.node)
    }
    if (granted === null) return
    // Whoever is called may come and go itself: only now are all the lines as they are to be.
    for (const { hold: other } of granted) if (--other.blocked === 0) this.#ready.push(other)
    this.#tell()
  }

  /**
   * Tells those who have their locks, one after another: in a long line each may leave at once, and none is told from
   * within the one before it, for which there would not be stack enough.
   */
  #tell (): void {
    if (this.#isTelling) return
    this.#isTelling = true
    try {
      for (let ready = this.#ready; ready.length > 0; ready = this.#ready) {
        this.#ready = []
        for (const hold of ready) if (!hold.isGone) hold.onGranted()
      }
    } finally {
      this.#isTelling = false
    }
  }

  /** Forgets everybody: none of them holds anything, and none is granted anything any more. */
  clear (): void {
    for (let hold = this.#oldest; hold !== null; hold = hold.newer) hold.isGone = true
    this.#oldest = this.#newest = null
    this.#size = 0
    this.#root = new LockNode(null, '')
    this.#nodes = 0
  }

  /** Every place that is held or waited for, in the order in which the first there came. */
  places (): LockedPlace<Owner>[] {
    const places = new Map<Node<Owner>, LockedPlace<Owner>>()
    for (let hold = this.#oldest; hold !== null; hold = hold.newer) {
      const { owner } = hold
      for (let claim = hold.first; claim !== null; claim = claim.next) {
        const { node, modes } = claim
        if (!places.has(node)) places.set(node, { place: this.#placeOf(node), holders: [], waiters: [] })
        places.get(node)![node.isWaiting(claim) ? 'waiters' : 'holders'].push({ owner, modes })
      }
    }
    return [...places.values()]
  }

  #unlink (hold: Hold<Owner>): void {
    const { older, newer } = hold
    // One that is long gone does not keep those that came after it in memory.
    hold.older = hold.newer = null
    hold.first = hold.last = null
    if (older === null) this.#oldest = newer
    else older.newer = newer
    if (newer === null) this.#newest = older
    else newer.older = older
    this.#size--
  }

  #claim (hold: Hold<Owner>, { tenant, collection, key, mode }: Lock): void {
    const intention = intentionOf(mode)
    let node = this.#root
    for (let at = 0; at < tenant.length; at++) {
      node.tenants ??= new Children()
      node = this.#child(node, node.tenants, tenant[at]!)
      this.#want(hold, node, collection === undefined && at === tenant.length - 1 ? mode : intention)
    }
    if (collection === undefined) return
    node.parts ??= new Children()
    node = this.#child(node, node.parts, collection)
    this.#want(hold, node, key === undefined ? mode : intention)
    if (key === undefined) return
    node.parts ??= new Children()
    node = this.#child(node, node.parts, key)
    this.#want(hold, node, mode)
  }

  #child (parent: Node<Owner>, children: Children<Node<Owner>>, name: string): Node<Owner> {
    const found = children.get(name)
    if (found !== undefined) return found
    const node = this.#spares.pop() ?? new LockNode<Hold<Owner>>(parent, name)
    node.parent = parent
    node.name = name
    children.add(node)
    parent.users++
    this.#nodes++
    return node
  }

  #want (hold: Hold<Owner>, node: Node<Owner>, mode: Mode): void {
    const { newest } = node
    if (newest !== null) {
      newest.modes |= mode
      return
    }
    const claim: Wanted<Owner> = { hold, node, modes: mode, next: null }
    node.newest = claim
    if (hold.last === null) hold.first = claim
    else hold.last.next = claim
    hold.last = claim
  }

  /** A place that nobody is at is in the table no more. */
  #prune (node: Node<Owner>): void {
    let at = node
    while (at.users === 0 && at.parent !== null) {
      const { parent } = at
      if (parent.tenants?.get(at.name) === at) parent.tenants.remove(at)
      else if (parent.parts?.get(at.name) === at) parent.parts.remove(at)
      else return
      parent.users--
      this.#nodes--
      if (this.#spares.length < sparesMax) this.#spares.push(at)
      at = parent
    }
  }

  #placeOf (node: Node<Owner>): Place {
    const parts: string[] = []
    let at = node
    for (; at.parent !== null && at.parent.parts?.get(at.name) === at; at = at.parent) parts.unshift(at.name)
    const tenant: string[] = []
    for (; at.parent !== null; at = at.parent) tenant.unshift(at.name)
    const [collection, key] = parts
    return {
      tenant, ...(collection === undefined ? {} : { collection }), ...(key === undefined ? {} : { key }),
    }
  }
}
