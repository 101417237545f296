import { entryBytes, type Entry, type LogStorage, type Snapshot } from './core/index.ts'
import { LogError, type Log } from './log/index.ts'

export interface DurableLogOptions {
  log: Log
  /** The newest snapshot that can be sent, if its index is at least `since`; else it begins to make one. */
  snapshot: (since: number) => Snapshot | undefined
  /** Entries that were asked for are in memory now. */
  onFetched: () => void
  onFailure: (error: Error) => void
}

/** Fetched ranges that are kept at a time: a few followers may be behind, each at its own place. */
const fetchedMax = 8

/** Read from the disk at a time, whatever is asked for. */
const fetchBytes = 4 * 1024 * 1024

/** The log as the core sees it: at once, from memory. What is only on the disk is fetched, and asked for again. */
export class DurableLog implements LogStorage {
  readonly #options: DurableLogOptions
  readonly #log: Log
  #fetched: Entry[][] = []
  readonly #fetching = new Set<number>()

  constructor (options: DurableLogOptions) {
    this.#options = options
    this.#log = options.log
  }

  get firstIndex (): number {
    return this.#log.firstIndex
  }

  get lastIndex (): number {
    return this.#log.lastIndex
  }

  term (index: number): number {
    const term = this.#log.termOf(index)
    if (term === undefined) throw new RangeError(`the log does not hold entry ${index}`)
    return term
  }

  entries (from: number, to: number, bytesMax: number): Entry[] | undefined {
    const found: Entry[] = []
    const range = this.#fetched.find((entries) => this.#holds(entries, from))
    let bytes = 0
    for (let index = from; index < to; index++) {
      const entry = this.#log.recent(index) ?? range?.[index - range[0]!.index]
      if (entry === undefined || entry.term !== this.#log.termOf(index)) break
      bytes += entryBytes(entry)
      if (bytes > bytesMax && found.length > 0) break
      found.push(entry)
    }
    if (found.length > 0) return found
    this.#fetch(from, to)
    return undefined
  }

  snapshot (): Snapshot | undefined {
    return this.#options.snapshot(this.firstIndex - 1)
  }

  #holds (entries: Entry[], index: number): boolean {
    const first = entries[0]!.index
    return index >= first && index < first + entries.length
  }

  #fetch (from: number, to: number): void {
    if (this.#fetching.has(from)) return
    this.#fetching.add(from)
    this.#log.entries(from, to, fetchBytes).then(
      (entries) => {
        if (entries.length > 0) this.#fetched = [entries, ...this.#fetched].slice(0, fetchedMax)
      },
      (error: Error) => {
        // What is no longer kept is replaced by a snapshot: the core sees that by itself.
        const isGone = error instanceof RangeError || (error instanceof LogError && error.code === 'LOG_COMPACTED')
        if (!isGone) this.#options.onFailure(error)
      }
    ).finally(() => {
      this.#fetching.delete(from)
      this.#options.onFetched()
    })
  }
}
