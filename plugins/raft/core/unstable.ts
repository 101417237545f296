import type { Entry, EntryId, Snapshot } from './types.ts'

/**
 * The end of the log that is not durable yet: a snapshot, or entries from `offset` on, or both. Of these, some were
 * handed to the disk and are under way. Entries may be replaced meanwhile: what the disk then reports of them is stale.
 */
export class Unstable {
  snapshot: Snapshot | null = null
  /** Index of the first entry, or of the one that would come. */
  offset: number
  #entries: Entry[] = []
  /** Entries below this index were handed to the disk. */
  #acceptedTo: number
  #snapshotAccepted = false

  constructor (offset: number) {
    this.offset = offset
    this.#acceptedTo = offset
  }

  get count (): number {
    return this.#entries.length
  }

  get lastIndex (): number {
    return this.offset + this.#entries.length - 1
  }

  /** Undefined for what is not here. */
  term (index: number): number | undefined {
    if (index >= this.offset) return this.#entries[index - this.offset]?.term
    return this.snapshot?.index === index ? this.snapshot.term : undefined
  }

  slice (from: number, to: number): Entry[] {
    return this.#entries.slice(from - this.offset, to - this.offset)
  }

  /** The first entry replaces what is at its index, and all after it, durable or not. */
  append (entries: readonly Entry[]): void {
    const first = entries[0]!.index
    if (first < this.offset) {
      this.#entries = []
      this.offset = first
    } else {
      this.#entries.length = first - this.offset
    }
    this.#entries.push(...entries)
    this.#acceptedTo = Math.min(this.#acceptedTo, first)
  }

  restore (snapshot: Snapshot): void {
    this.snapshot = snapshot
    this.#snapshotAccepted = false
    this.#entries = []
    this.offset = snapshot.index + 1
    this.#acceptedTo = this.offset
  }

  /** Whether there are entries that the disk was not asked to keep. */
  get hasNew (): boolean {
    return this.#acceptedTo <= this.lastIndex
  }

  get newEntries (): readonly Entry[] {
    return this.#entries.slice(this.#acceptedTo - this.offset)
  }

  get newSnapshot (): Snapshot | null {
    return this.#snapshotAccepted ? null : this.snapshot
  }

  accept (): void {
    this.#acceptedTo = this.lastIndex + 1
    this.#snapshotAccepted = this.snapshot !== null
  }

  /** The disk holds everything up to this entry. Nothing happens when that entry has been replaced since. */
  stableTo ({ index, term }: EntryId): void {
    if (index < this.offset || this.#entries[index - this.offset]?.term !== term) return
    this.#entries = this.#entries.slice(index + 1 - this.offset)
    this.offset = index + 1
    this.#acceptedTo = Math.max(this.#acceptedTo, this.offset)
  }

  stableSnapshot (index: number): void {
    if (this.snapshot?.index === index) this.snapshot = null
  }
}
