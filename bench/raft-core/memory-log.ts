import type { Entry, LogStorage } from '../../plugins/raft/core/index.ts'

/** Entries that are kept behind the newest when the log is cut. */
const keptEntries = 4096

/** A log that is durable at once, and cut now and then as a real one is: what a core alone costs is left. */
export class MemoryLog implements LogStorage {
  firstIndex = 1
  #entries: Entry[] = []
  #termBefore = 0

  get lastIndex (): number {
    return this.firstIndex + this.#entries.length - 1
  }

  term (index: number): number {
    return index < this.firstIndex ? this.#termBefore : this.#entries[index - this.firstIndex]!.term
  }

  entries (from: number, to: number, bytesMax: number): Entry[] {
    const found: Entry[] = []
    let bytes = 0
    for (let index = from; index < to; index++) {
      const entry = this.#entries[index - this.firstIndex]!
      bytes += entry.data.length
      if (bytes > bytesMax && found.length > 0) break
      found.push(entry)
    }
    return found
  }

  snapshot (): undefined {
    return undefined
  }

  append (entries: readonly Entry[]): void {
    const first = entries[0]?.index ?? this.lastIndex + 1
    this.#entries.length = first - this.firstIndex
    this.#entries.push(...entries)
  }

  /** Cuts what is applied everywhere, in large pieces. */
  compact (applied: number): void {
    const cut = applied - keptEntries - this.firstIndex
    if (cut < keptEntries) return
    this.#termBefore = this.#entries[cut - 1]!.term
    this.#entries = this.#entries.slice(cut)
    this.firstIndex += cut
  }
}
