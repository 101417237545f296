import { checkAppend } from './check.ts'
import { LogError } from './errors.ts'
import { makeDirectory } from './files.ts'
import { GroupCommit } from './group-commit.ts'
import { RecentEntries } from './recent.ts'
import { recover } from './recovery.ts'
import { Removal } from './removal.ts'
import { Segments } from './segments.ts'
import { SegmentSupply } from './supply.ts'
import type { AppendRequest, HardState, LogEntry, LogOptions, Position } from './types.ts'

const cacheBytesDefault = 16 * 1024 * 1024
const segmentBytesMin = 1024
const segmentBytesMax = 1024 * 1024 * 1024

/**
 * The Raft log: entries and hard state in segment files. What is appended shows at once in `lastIndex`, `termOf` and
 * `entries`; it is durable when the append resolves, and `durableIndex` says how far that is. docs/internals/log.md has
 * the format and the rules of recovery.
 */
export class Log {
  readonly #segments: Segments
  readonly #recent: RecentEntries
  readonly #supply: SegmentSupply
  readonly #removal: Removal
  readonly #commit: GroupCommit
  #compacted: Position
  #lastIndex: number
  #hardState: HardState
  /** The commit index on the disk lies outside the log: the right one goes out with the next append. */
  #hardStateDiffers: boolean
  /** Counts what takes entries away, so that a read that waits for the disk notices. */
  #changes = 0
  #resetting: Promise<unknown> = Promise.resolve()
  #closed = false

  private constructor (segments: Segments, supply: SegmentSupply, options: Required<LogOptions>) {
    const { onEvent, cacheBytes } = options
    this.#segments = segments
    this.#supply = supply
    this.#removal = new Removal(onEvent)
    this.#compacted = segments.oldest.header.before
    this.#lastIndex = segments.lastIndex
    this.#hardState = this.#writtenHardState()
    this.#hardStateDiffers = this.#hardState.commit !== segments.hardState.commit
    this.#recent = new RecentEntries(cacheBytes, segments.lastIndex + 1)
    this.#commit = new GroupCommit(segments, supply, {
      onEvent,
      onDurable: () => { this.#recent.evict(this.durableIndex) },
      onReplaced: (old) => { void this.#removal.remove(old) },
      onRefused: () => { this.#returnToDisk() },
    })
  }

  /**
   * Opens the log, or makes an empty one. Cuts a torn tail (event `tail-cut`). Rejects with LOG_DAMAGED,
   * LOG_FORMAT_NEWER, LOG_FULL, or the system's error when the directory cannot be used. Reads all segments, and
   * uses synchronous calls for that.
   */
  static async open (options: LogOptions): Promise<Log> {
    const { directory, segmentBytes, cacheBytes = cacheBytesDefault, onEvent = () => {} } = options
    if (!(segmentBytes >= segmentBytesMin && segmentBytes <= segmentBytesMax)) {
      throw new RangeError(`segmentBytes must be from ${segmentBytesMin} to ${segmentBytesMax}`)
    }
    await makeDirectory(directory)
    const recovered = await recover(directory, onEvent)
    const supply = new SegmentSupply(directory, Math.ceil(segmentBytes / 512) * 512, onEvent)
    const segments = recovered ?? new Segments(await supply.take({
      sequence: 1,
      previousEnd: 0,
      before: { index: 0, term: 0 },
      hardState: { term: 0, vote: null, commit: 0 },
      anew: true,
    }, 0))
    return new Log(segments, supply, { directory, segmentBytes, cacheBytes, onEvent })
  }

  /** Of the oldest entry that is kept; `lastIndex + 1` when there is none. */
  get firstIndex (): number {
    return this.#compacted.index + 1
  }

  get lastIndex (): number {
    return this.#lastIndex
  }

  /** The position before `firstIndex`. */
  get compacted (): Position {
    return this.#compacted
  }

  /**
   * The last one that was appended. After opening, its commit index is brought within the log: a torn tail may have
   * taken the entries that it spoke of, and what was compacted was committed.
   */
  get hardState (): HardState {
    return this.#hardState
  }

  /** The last entry that is durable, with all before it. It goes back when entries are replaced. */
  get durableIndex (): number {
    return this.#commit.durableIndex
  }

  /** What all records on the disk take, in bytes, headers of segments included. */
  get bytes (): number {
    return this.#segments.all().reduce((bytes, { end }) => bytes + end, 0)
  }

  /** The term of the entry, or of the position before the first one; undefined for any other index. */
  termOf (index: number): number | undefined {
    if (index === this.#compacted.index) return this.#compacted.term
    if (index < this.#compacted.index || index > this.#lastIndex) return undefined
    return this.#recent.at(index)?.term ?? this.#segments.find(index)?.positions.termOf(index)
  }

  /** The entry, if it is in memory. */
  recent (index: number): LogEntry | undefined {
    return this.#recent.at(index)
  }

  /**
   * Entries from `from` to `to` (exclusive): as many as have together no more than `bytesMax` of data, at least one;
   * fewer when entries are replaced or compacted while the disk is read. Rejects with LOG_COMPACTED when `from` is no
   * longer here, with LOG_DAMAGED when the disk gives back other bytes than were written.
   */
  async entries (from: number, to: number, bytesMax: number): Promise<LogEntry[]> {
    if (from < this.firstIndex) {
      throw new LogError('LOG_COMPACTED', `Entry ${from} of the Raft log is no longer kept; the first is ${this.firstIndex}.`)
    }
    if (from > to || to > this.#lastIndex + 1) {
      throw new RangeError(`there are no entries from ${from} to ${to}: the last one is ${this.#lastIndex}`)
    }
    const found: LogEntry[] = []
    const changes = this.#changes
    let room = bytesMax
    for (let next = from; next < to && changes === this.#changes; next = from + found.length) {
      const recent = this.#recent.at(next)
      const some = recent === undefined ? await this.#read(next, to, room) : [recent]
      for (const entry of some) {
        room -= entry.data.length
        if (room < 0 && found.length > 0) return found
        found.push(entry)
      }
    }
    return found
  }

  /**
   * Appends, and resolves when that is durable. An entry whose index is there already replaces it and all after it.
   *
   * Rejects with LOG_GAP or LOG_COMPACTED, a RangeError or a TypeError when the request does not fit: nothing happened.
   * With LOG_FULL or LOG_NO_SEGMENT when a new segment is needed and cannot be made: all that waited is refused and no
   * longer shows, and may be tried again. With LOG_FAILED when the disk failed: the log is over.
   */
  async append (request: AppendRequest): Promise<void> {
    this.#checkOpen()
    checkAppend(request, this.#compacted.index, this.#lastIndex)
    const { entries } = request
    const hardState = request.hardState ?? (this.#hardStateDiffers ? this.#hardState : undefined)
    const first = entries[0]
    if (first !== undefined && first.index <= this.#lastIndex) {
      this.#recent.truncate(first.index)
      this.#changes++
    }
    for (const entry of entries) this.#recent.add(entry)
    if (first !== undefined) this.#lastIndex = first.index + entries.length - 1
    if (hardState === undefined) return await this.#commit.append(request)
    this.#hardState = hardState
    this.#hardStateDiffers = false
    await this.#commit.append({ hardState, entries })
  }

  /**
   * Entries up to `index` are no longer needed. Segments that hold nothing else are removed, so `firstIndex` moves on
   * by whole segments, and not beyond what is durable. A file that cannot be removed is an event, and is tried again.
   */
  async compact (index: number): Promise<void> {
    await this.#resetting
    this.#checkOpen()
    const old = this.#segments.compact(Math.min(index, this.durableIndex))
    if (old.length === 0) return
    this.#compacted = this.#segments.oldest.header.before
    this.#changes++
    await this.#removal.remove(old)
  }

  /**
   * Empties the log, which then goes on after this position: a snapshot holds what was before. The hard state stays.
   * Resolves when that is durable, and rejects as `append` does.
   */
  async reset (index: number, term: number): Promise<void> {
    this.#checkOpen()
    this.#recent.clear(index + 1)
    this.#compacted = { index, term }
    this.#lastIndex = index
    this.#changes++
    const done = this.#commit.reset(this.#compacted)
    this.#resetting = done.catch(() => {})
    await done
  }

  /** Waits for what was appended, then closes the files. Appends from now on reject with LOG_CLOSED. */
  async close (): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#commit.failure === undefined) await this.#commit.append({ entries: [] }).catch(() => {})
    await this.#supply.close()
    await this.#removal.close()
    for (const segment of this.#segments.all()) segment.retire()
  }

  #read (from: number, to: number, bytesMax: number): Promise<LogEntry[]> {
    const segment = this.#segments.find(from)
    if (segment === undefined) throw new Error(`entry ${from} of the Raft log is neither in memory nor in a segment`)
    // What is in memory may replace entries that the segment still counts: its write is yet to come.
    return segment.read(from, Math.min(to, this.#recent.firstIndex), bytesMax)
  }

  #checkOpen (): void {
    if (this.#closed) throw new LogError('LOG_CLOSED', 'The Raft log is closed.')
    if (this.#commit.failure !== undefined) throw this.#commit.failure
  }

  #returnToDisk (): void {
    this.#compacted = this.#segments.oldest.header.before
    this.#lastIndex = this.#segments.lastIndex
    this.#hardState = this.#writtenHardState()
    this.#hardStateDiffers = this.#hardState.commit !== this.#segments.hardState.commit
    this.#recent.clear(this.#lastIndex + 1)
    this.#changes++
  }

  #writtenHardState (): HardState {
    const { hardState, lastIndex } = this.#segments
    const commit = Math.max(this.#compacted.index, Math.min(hardState.commit, lastIndex))
    return { ...hardState, commit }
  }
}
