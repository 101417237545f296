import type { Entry, HardState, LogStorage, Snapshot } from '../../plugins/raft/core/index.ts'
import { entryBytes } from '../../plugins/raft/core/index.ts'
import type { PersistRequest } from '../../plugins/raft/driver.ts'
import { LogImage } from './log-image.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'
import { about } from './world.ts'

interface Waiting {
  request: PersistRequest
  done: () => void
}

/** What the disk asks of its node. */
export interface DiskOwner {
  /** The newest snapshot that there is to give. */
  snapshot (): Snapshot | undefined
  /** Entries are in memory now that were not. */
  fetched (): void
  /** Puts a snapshot in the place of the state machine. */
  install (snapshot: Snapshot): Promise<void>
  /** Calls back once nothing is being applied. */
  whenApplied (then: () => Promise<void>): void | Promise<void>
}

/** Elections come to an end only where the disk is quick beside an election timeout. */
const calmSyncMicros = 6000

/** How many fetched ranges stay in memory. */
const fetchesKept = 4

/**
 * A log on a disk that knows what was synced. Like the real log it gathers what comes while it writes, and then writes
 * all of that at once: the newest hard state first, then the entries. A crash leaves any prefix of what was being
 * written.
 */
export class Disk implements LogStorage {
  /** All that was appended. */
  readonly shown: LogImage
  /** What a loss of power leaves. */
  durable: LogImage
  stalledUntil = 0
  /** Some disks take ten times as long. */
  readonly #slowness: number
  readonly #world: World
  readonly #owner: DiskOwner
  #gathering: Waiting[] = []
  #writing: Waiting[] | null = null
  /** Written, and not synced. */
  #lazy: HardState | null = null
  #fetched: { from: number, to: number }[] = []
  /** Counts crashes, so that what was planned before one does not happen after it. */
  #life = 0

  constructor (world: World, owner: DiskOwner, image: LogImage) {
    this.#world = world
    this.#owner = owner
    this.#slowness = world.chance.weighted([[3, 1], [1, 10]])
    if (this.#slowness > 1) world.counts.add('slow disks')
    this.durable = image
    this.shown = image.copy()
  }

  get isSlow (): boolean {
    return this.#slowness > 1
  }

  // The core's view.

  get firstIndex (): number {
    return this.#view.firstIndex
  }

  get lastIndex (): number {
    return this.#view.lastIndex
  }

  term (index: number): number {
    const term = this.#view.term(index)
    if (term === undefined) throw new RangeError(`the core asked for the term of ${index}, which is not in the log`)
    this.#checkWritten(index)
    return term
  }

  entries (from: number, to: number, bytesMax: number): Entry[] | undefined {
    if (from < this.firstIndex || to > this.lastIndex + 1 || from > to) {
      throw new RangeError(`the core asked for ${from} to ${to} of a log from ${this.firstIndex} to ${this.lastIndex}`)
    }
    this.#checkWritten(to - 1)
    const found: Entry[] = []
    let bytes = 0
    for (let index = from; index < to; index++) {
      const entry = this.#view.entry(index)!
      bytes += entryBytes(entry)
      if (bytes > bytesMax && found.length > 0) break
      found.push(entry)
    }
    const end = from + found.length
    const oldest = this.lastIndex - this.#world.plan.memoryEntries
    if (from > oldest || this.#fetched.some((range) => range.from <= from && range.to >= end)) return found
    this.#fetch(from, end)
    return undefined
  }

  /** The core has entries in memory until it is told that they are durable; only then it asks the disk for them. */
  #checkWritten (index: number): void {
    for (const { request: { entries: [first] } } of [...this.#writing ?? [], ...this.#gathering]) {
      if (first === undefined || first.index > index) continue
      throw new Violation('disk receipts', `entry ${first.index} is taken to be durable, and is still being written`)
    }
  }

  snapshot (): Snapshot | undefined {
    return this.#owner.snapshot()
  }

  get #view (): LogImage {
    return this.#world.plan.showsEarly ? this.shown : this.durable
  }

  #fetch (from: number, to: number): void {
    this.#world.counts.add('fetches')
    const life = this.#life
    this.#world.events.after(about(this.#world, 500), () => {
      if (life !== this.#life) return
      this.#fetched = [...this.#fetched.slice(1 - fetchesKept), { from, to }]
      this.#owner.fetched()
    })
  }

  // The driver's view.

  append (request: PersistRequest, done: () => void): void {
    const { hardState, snapshot, entries } = request
    if (hardState !== null) this.shown.hardState = hardState
    if (snapshot !== null) this.shown.reset(snapshot)
    this.#countReplaced(entries)
    this.shown.write(entries)
    this.#gathering.push({ request, done })
    if (this.#writing === null) this.#begin()
  }

  #countReplaced ([first]: readonly Entry[]): void {
    if (first === undefined || first.index > this.shown.lastIndex) return
    const { counts } = this.#world
    counts.add('entries replaced')
    if (this.#writing?.some(({ request: { entries } }) => (entries.at(-1)?.index ?? 0) >= first.index) === true) {
      counts.add('entries replaced in a write')
    }
  }

  /** Writing what waits now takes so much longer. */
  stall (micros: number): void {
    this.stalledUntil = this.#world.events.now + micros
  }

  /** Whether that made the log shorter. */
  compact (index: number): boolean {
    // What is not durable yet is needed in any case.
    const upTo = Math.min(index, this.durable.lastIndex)
    if (upTo <= this.durable.before.index || this.durable.term(upTo) !== this.shown.term(upTo)) return false
    this.durable.compact(upTo)
    this.shown.compact(upTo)
    return true
  }

  /** Snapshots are written alone; all else that waits is written at once. */
  #begin (): void {
    const snapshotAt = this.#gathering.findIndex(({ request }) => request.snapshot !== null)
    const count = snapshotAt === -1 ? this.#gathering.length : Math.max(snapshotAt, 1)
    const writing = this.#gathering.splice(0, count)
    this.#writing = writing
    const { events, plan, calm } = this.#world
    const syncMicros = calm ? Math.min(plan.syncMicros, calmSyncMicros) : plan.syncMicros * this.#slowness
    const life = this.#life
    const stalled = Math.max(0, this.stalledUntil - events.now)
    events.after(stalled + about(this.#world, syncMicros), () => {
      if (life !== this.#life) return
      if (writing[0]!.request.snapshot === null) return this.#end(writing)
      return this.#owner.whenApplied(async () => {
        if (life !== this.#life) return
        await this.#owner.install(writing[0]!.request.snapshot!)
        this.#end(writing)
      })
    })
  }

  #end (writing: Waiting[]): void {
    const isLazy = this.#world.plan.lazyCommits &&
      writing.every(({ request }) => !request.mustSync && request.snapshot === null)
    if (isLazy) this.#lazy = newestHardState(writing) ?? this.#lazy
    else for (const keep of this.#records(writing)) keep()
    this.#writing = null
    for (const { done } of writing) done()
    if (this.#writing === null && this.#gathering.length > 0) this.#begin()
  }

  /** The records of one write, in their order; each is kept by calling it. */
  #records (writing: Waiting[]): (() => void)[] {
    const records: (() => void)[] = []
    const hardState = newestHardState(writing) ?? this.#lazy
    if (hardState !== null) records.push(() => { this.durable.hardState = hardState; this.#lazy = null })
    for (const { request: { snapshot, entries } } of writing) {
      if (snapshot !== null) records.push(() => { this.durable.reset(snapshot) })
      for (const entry of entries) records.push(() => { this.durable.write([entry]) })
    }
    return records
  }

  /**
   * The node dies. What was being written may be there in part, and what is there is what the next life begins with.
   * Returns the snapshot that arrived in the last moment, whose state machine then must be in place.
   */
  crash (): Snapshot | null {
    const { chance, counts } = this.#world
    this.#life++
    if (this.#lazy !== null && chance.chance(0.5)) this.durable.hardState = this.#lazy
    this.#lazy = null
    const writing = this.#writing ?? []
    const { before } = this.durable
    const records = this.#records(writing)
    const kept = chance.between(0, records.length)
    for (const keep of records.slice(0, kept)) keep()
    if (kept < records.length || this.#gathering.length > 0) counts.add('unsynced writes lost')
    if (kept > 0 && kept < records.length) counts.add('torn writes')
    this.#gathering = []
    this.#writing = null
    this.#fetched = []
    this.stalledUntil = 0
    const { hardState, lastIndex } = this.durable
    // A torn tail may have taken the entries that the commit index speaks of.
    const commit = Math.max(this.durable.before.index, Math.min(hardState.commit, lastIndex))
    this.durable.hardState = { ...hardState, commit }
    this.#show()
    return this.durable.before === before ? null : writing[0]?.request.snapshot ?? null
  }

  #show (): void {
    const { hardState, before } = this.durable
    this.shown.hardState = hardState
    this.shown.reset(before)
    for (let index = before.index + 1; index <= this.durable.lastIndex; index++) {
      this.shown.write([this.durable.entry(index)!])
    }
  }
}

function newestHardState (writing: Waiting[]): HardState | null {
  return writing.findLast(({ request }) => request.hardState !== null)?.request.hardState ?? null
}
