import { entryBytes } from '../../../plugins/raft/core/index.ts'
import type { Entry, EntryId, HardState, LogStorage, Snapshot } from '../../../plugins/raft/core/index.ts'

/** A durable log as the core sees it, in memory: what is given to it is durable at once. */
export class MemoryLog implements LogStorage {
  hardState: HardState = { term: 0, vote: null, commit: 0 }
  /** The place before the first entry: what it held was compacted, or is in a snapshot. */
  #before: EntryId = { index: 0, term: 0 }
  #entries: Entry[] = []
  #snapshot: Snapshot | undefined

  get firstIndex (): number {
    return this.#before.index + 1
  }

  get lastIndex (): number {
    return this.#before.index + this.#entries.length
  }

  term (index: number): number {
    const term = index === this.#before.index ? this.#before.term : this.#entries[index - this.firstIndex]?.term
    if (term === undefined) throw new RangeError(`the log has no index ${index}`)
    return term
  }

  entries (from: number, to: number, bytesMax: number): Entry[] {
    if (from < this.firstIndex || to > this.lastIndex + 1) throw new RangeError(`the log has no ${from} to ${to}`)
    const entries = this.#entries.slice(from - this.firstIndex, to - this.firstIndex)
    let bytes = 0
    const fitting = entries.findIndex((entry) => (bytes += entryBytes(entry)) > bytesMax)
    return fitting === -1 ? entries : entries.slice(0, Math.max(fitting, 1))
  }

  snapshot (): Snapshot | undefined {
    return this.#snapshot
  }

  /** Every entry that is there. */
  get all (): readonly Entry[] {
    return this.#entries
  }

  /** The first entry replaces what is at its index, and all after it. */
  append (entries: readonly Entry[]): void {
    const first = entries[0]?.index
    if (first === undefined) return
    if (first < this.firstIndex || first > this.lastIndex + 1) {
      throw new RangeError(`the log is ${this.firstIndex} to ${this.lastIndex}: nothing can be put at ${first}`)
    }
    this.#entries = [...this.#entries.slice(0, first - this.firstIndex), ...entries]
  }

  /** The snapshot of another node takes the place of everything. */
  applySnapshot (snapshot: Snapshot): void {
    this.#before = { index: snapshot.index, term: snapshot.term }
    this.#entries = []
    this.#snapshot = snapshot
  }

  /** The state machine of this node has made a snapshot; the entries stay until `compact`. */
  saveSnapshot (snapshot: Snapshot): void {
    this.#snapshot = snapshot
  }

  /** Forgets everything up to `index`. False when that is done already. */
  compact (index: number): boolean {
    if (index <= this.#before.index) return false
    const term = this.term(index)
    this.#entries = this.#entries.slice(index + 1 - this.firstIndex)
    this.#before = { index, term }
    return true
  }
}
