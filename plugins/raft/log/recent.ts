import type { LogEntry } from './types.ts'

/** What an entry costs beside its data: the object, the buffer's own object, the slot. A round figure. */
const entryOverheadBytes = 128

/**
 * The newest entries, in memory: all that are not durable yet, and before them as many as `bytesMax` allows. They reach
 * without a gap to the end of the log.
 */
export class RecentEntries {
  readonly #bytesMax: number
  #entries: (LogEntry | undefined)[] = []
  /** How many slots at the start are empty: taking one from the front of a long array would move all the others. */
  #gone = 0
  #bytes = 0
  #first: number

  /** `next` is the index of the first entry to come. */
  constructor (bytesMax: number, next: number) {
    this.#bytesMax = bytesMax
    this.#first = next
  }

  /** Of the oldest entry here, or of the first one to come. */
  get firstIndex (): number {
    return this.#first
  }

  at (index: number): LogEntry | undefined {
    return index < this.#first ? undefined : this.#entries[index - this.#first + this.#gone]
  }

  add (entry: LogEntry): void {
    this.#entries.push(entry)
    this.#bytes += entry.data.length + entryOverheadBytes
  }

  /** Forgets the entry and all after it. */
  truncate (index: number): void {
    if (index <= this.#first) return this.clear(index)
    const keep = index - this.#first + this.#gone
    for (let i = keep; i < this.#entries.length; i++) this.#release(this.#entries[i])
    this.#entries.length = keep
  }

  /** Forgets all; `next` is the index of the first entry to come. */
  clear (next: number): void {
    this.#entries = []
    this.#gone = 0
    this.#bytes = 0
    this.#first = next
  }

  /** Lets go of the oldest, but of nothing after `durableIndex`. */
  evict (durableIndex: number): void {
    while (this.#bytes > this.#bytesMax && this.#first <= durableIndex) {
      this.#release(this.#entries[this.#gone])
      this.#entries[this.#gone] = undefined
      this.#gone++
      this.#first++
    }
    if (this.#gone > 1024 && this.#gone * 2 > this.#entries.length) {
      this.#entries.splice(0, this.#gone)
      this.#gone = 0
    }
  }

  #release (entry: LogEntry | undefined): void {
    if (entry !== undefined) this.#bytes -= entry.data.length + entryOverheadBytes
  }
}
