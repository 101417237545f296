import type { LogStorage } from './storage.ts'
import { totalBytes } from './types.ts'
import type { Entry, EntryId, Snapshot } from './types.ts'
import { Unstable } from './unstable.ts'

/**
 * The log as the core sees it: what is durable, then what is not yet. These always hold:
 *
 *     applied <= applying <= committed <= lastIndex        firstIndex <= committed + 1
 */
export class Log {
  readonly #storage: LogStorage
  readonly #unstable: Unstable
  /** Applying this many bytes at once is enough. */
  readonly #applyingBytesMax: number
  #applyingBytes = 0
  #applyingPaused = false
  /** Committed entries are being fetched. */
  #fetching = false
  /** A quorum holds everything up to here; it will never change. */
  committed: number
  /** Everything up to here was handed out to be applied. */
  applying: number
  /** Everything up to here is in the state machine. */
  applied: number

  constructor (storage: LogStorage, applied: number, applyingBytesMax: number) {
    this.#storage = storage
    this.#unstable = new Unstable(storage.lastIndex + 1)
    this.#applyingBytesMax = applyingBytesMax
    const start = Math.max(applied, storage.firstIndex - 1)
    this.committed = start
    this.applying = start
    this.applied = start
  }

  get firstIndex (): number {
    return this.#unstable.snapshot === null ? this.#storage.firstIndex : this.#unstable.snapshot.index + 1
  }

  get lastIndex (): number {
    return this.#unstable.lastIndex
  }

  get lastId (): EntryId {
    const index = this.lastIndex
    return { index, term: this.term(index) ?? 0 }
  }

  get committedId (): EntryId {
    return { index: this.committed, term: this.term(this.committed) ?? 0 }
  }

  /** The newest snapshot, durable or not. Undefined while there is none to give. */
  snapshot (): Snapshot | undefined {
    return this.#unstable.snapshot ?? this.#storage.snapshot()
  }

  /** Undefined where the log no longer, or not yet, knows it. */
  term (index: number): number | undefined {
    const term = this.#unstable.term(index)
    if (term !== undefined) return term
    // The disk may still hold there what was replaced.
    if (this.#unstable.snapshot !== null || index >= this.#unstable.offset) return undefined
    if (index < this.#storage.firstIndex - 1 || index > this.#storage.lastIndex) return undefined
    return this.#storage.term(index)
  }

  holds ({ index, term }: EntryId): boolean {
    return this.term(index) === term
  }

  /** Whether a log that ends with this entry is as new as ours: the last term decides, then the length (5.4.1). */
  isUpToDate (last: EntryId): boolean {
    const own = this.lastId
    return last.term > own.term || (last.term === own.term && last.index >= own.index)
  }

  /** Entries from `from` up to the end, or as many as fit, and at least one. Undefined when they must be fetched. */
  entriesFrom (from: number, bytesMax: number): readonly Entry[] | undefined {
    return from > this.lastIndex ? [] : this.#slice(from, this.lastIndex + 1, bytesMax)
  }

  /** A new leader's entries and proposals. */
  append (entries: readonly Entry[]): void {
    this.#unstable.append(entries)
  }

  /**
   * A leader's entries that follow `previous`. Only from the first one that differs is anything replaced: what follows
   * a matching entry stays, for an older append that arrives late says nothing of it.
   *
   * @returns where the entries begin to differ, 0 when they do not; null when the log does not hold `previous`
   */
  appendAfter (previous: EntryId, entries: readonly Entry[]): number | null {
    if (!this.holds(previous)) return null
    const differs = entries.findIndex(({ index, term }) => this.term(index) !== term)
    if (differs === -1) return 0
    const first = entries[differs]!.index
    if (first <= this.committed) {
      throw new Error(`entry ${first} differs from the leader's, but everything up to ${this.committed} is committed`)
    }
    this.#unstable.append(differs === 0 ? entries : entries.slice(differs))
    return first
  }

  /**
   * The newest index up to `index` whose term is not above `term`: logs that differ can match there at the best, so a
   * whole term is skipped in one round trip (section 5.3, last paragraphs). Its term is 0 where it isn't known.
   */
  newestUpTo (index: number, term: number): EntryId {
    for (let at = index; at > 0; at--) {
      const own = this.term(at)
      if (own === undefined) return { index: at, term: 0 }
      if (own <= term) return { index: at, term: own }
    }
    return { index: 0, term: 0 }
  }

  commitTo (index: number): void {
    if (index <= this.committed) return
    if (index > this.lastIndex) {
      throw new Error(`told to commit up to ${index}, but the log ends at ${this.lastIndex}: entries were lost here`)
    }
    this.committed = index
  }

  /** Everything is replaced by the snapshot. */
  restore (snapshot: Snapshot): void {
    this.#unstable.restore(snapshot)
    this.committed = snapshot.index
    // What was being fetched is gone, and may never come.
    this.#fetching = false
  }

  // What waits for the disk.

  /** The disk holds everything up to here, as it is in this log. */
  get durable (): number {
    return this.restoring ? this.applied : this.#unstable.offset - 1
  }

  get hasUnstable (): boolean {
    return this.#unstable.count > 0
  }

  get hasNewUnstable (): boolean {
    return this.#unstable.hasNew
  }

  /** Entries that the disk was not asked to keep yet. */
  get newUnstable (): readonly Entry[] {
    return this.#unstable.newEntries
  }

  /** The snapshot, if the disk was not asked to keep it yet. */
  get newSnapshot (): Snapshot | null {
    return this.#unstable.newSnapshot
  }

  /** A snapshot is not durable yet: until it is, nothing may be applied. */
  get restoring (): boolean {
    return this.#unstable.snapshot !== null
  }

  /** The disk was asked to keep all of it. */
  acceptUnstable (): void {
    this.#unstable.accept()
  }

  stableTo (id: EntryId): void {
    this.#unstable.stableTo(id)
  }

  stableSnapshot (index: number): void {
    this.#unstable.stableSnapshot(index)
  }

  // What waits for the state machine.

  hasCommittedToApply (applyUnstable: boolean): boolean {
    if (this.#applyingPaused || this.#fetching || this.restoring) return false
    return this.applying < this.#appliable(applyUnstable)
  }

  /**
   * Committed entries that were not handed out yet, as many as the limit lets be applied at a time. None while they are
   * being fetched.
   */
  committedToApply (applyUnstable: boolean): readonly Entry[] {
    if (!this.hasCommittedToApply(applyUnstable)) return []
    const bytesMax = this.#applyingBytesMax - this.#applyingBytes
    const entries = this.#slice(this.applying + 1, this.#appliable(applyUnstable) + 1, bytesMax)
    this.#fetching = entries === undefined
    return entries ?? []
  }

  /** What was missing is in memory. */
  fetched (): void {
    this.#fetching = false
  }

  acceptApplying (entries: readonly Entry[], applyUnstable: boolean): void {
    const last = entries.at(-1)
    if (last === undefined) return
    this.applying = last.index
    this.#applyingBytes += totalBytes(entries)
    this.#applyingPaused = this.#applyingBytes >= this.#applyingBytesMax || last.index < this.#appliable(applyUnstable)
  }

  /** The state machine holds everything up to `index`; `bytes` were applied. */
  appliedTo (index: number, bytes: number): void {
    if (index > this.committed) throw new Error(`entry ${index} was applied, but only ${this.committed} is committed`)
    this.applied = Math.max(this.applied, index)
    this.applying = Math.max(this.applying, index)
    this.#applyingBytes = Math.max(0, this.#applyingBytes - bytes)
    this.#applyingPaused = this.#applyingBytes >= this.#applyingBytesMax
  }

  /** Entries that are committed and not applied. Undefined when they must be fetched. */
  unapplied (): readonly Entry[] | undefined {
    return this.applied >= this.committed ? [] : this.#slice(this.applied + 1, this.committed + 1, Infinity)
  }

  #appliable (applyUnstable: boolean): number {
    return applyUnstable ? this.committed : Math.min(this.committed, this.#unstable.offset - 1)
  }

  #slice (from: number, to: number, bytesMax: number): readonly Entry[] | undefined {
    const offset = this.#unstable.offset
    if (from >= offset) return limitBytes(this.#unstable.slice(from, to), bytesMax)
    const stable = this.#storage.entries(from, Math.min(to, offset), bytesMax)
    if (stable === undefined || to <= offset || stable.length < offset - from) return stable
    const rest = bytesMax - totalBytes(stable)
    const more = limitBytes(this.#unstable.slice(offset, to), rest)
    if (more.length === 1 && totalBytes(more) > rest) return stable
    return [...stable, ...more]
  }
}

/** As many as fit, and at least one. */
function limitBytes (entries: readonly Entry[], bytesMax: number): readonly Entry[] {
  if (bytesMax === Infinity) return entries
  let bytes = 0
  for (let count = 0; count < entries.length; count++) {
    bytes += totalBytes([entries[count]!])
    if (bytes > bytesMax && count > 0) return entries.slice(0, count)
  }
  return entries
}
