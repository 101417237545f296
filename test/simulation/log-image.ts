import type { Entry, EntryId, HardState } from '../../plugins/raft/core/index.ts'

/** A log at one moment: as it was written, or as it would be found after a loss of power. */
export class LogImage {
  hardState: HardState
  /** The place before the first entry. */
  before: EntryId
  #entries: Entry[]

  constructor (hardState: HardState, before: EntryId, entries: readonly Entry[] = []) {
    this.hardState = hardState
    this.before = before
    this.#entries = [...entries]
  }

  get firstIndex (): number {
    return this.before.index + 1
  }

  get lastIndex (): number {
    return this.before.index + this.#entries.length
  }

  /** Undefined for what is not here. */
  entry (index: number): Entry | undefined {
    return this.#entries[index - this.firstIndex]
  }

  /** Also of the place before the first entry. Undefined for what is not here. */
  term (index: number): number | undefined {
    return index === this.before.index ? this.before.term : this.entry(index)?.term
  }

  /** The first entry replaces what is at its index, and all after it. */
  write (entries: readonly Entry[]): void {
    const first = entries[0]
    if (first === undefined) return
    if (first.index < this.firstIndex || first.index > this.lastIndex + 1) {
      throw new RangeError(`entry ${first.index} does not fit a log from ${this.firstIndex} to ${this.lastIndex}`)
    }
    this.#entries.length = first.index - this.firstIndex
    this.#entries.push(...entries)
  }

  /** A snapshot stands in the place of the whole log. */
  reset ({ index, term }: EntryId): void {
    this.before = { index, term }
    this.#entries = []
  }

  /** Entries up to there are no longer needed. */
  compact (index: number): void {
    if (index <= this.before.index) return
    const term = this.term(index)
    if (term === undefined) throw new RangeError(`a log to ${this.lastIndex} cannot be compacted up to ${index}`)
    this.#entries.splice(0, index - this.before.index)
    this.before = { index, term }
  }

  copy (): LogImage {
    return new LogImage(this.hardState, this.before, this.#entries)
  }
}
