import { performance } from 'node:perf_hooks'
import { BatchEncoder, requestBytes } from './batch.ts'
import { failed, LogError } from './errors.ts'
import { writeDurably } from './files.ts'
import type { Segment } from './segment.ts'
import type { Segments } from './segments.ts'
import type { SegmentSupply } from './supply.ts'
import type { AppendRequest, LogEvent, Position } from './types.ts'

/** A batch takes whole requests up to this; one larger request goes alone. */
const batchBytesMax = 4 * 1024 * 1024

export interface GroupCommitHooks {
  onEvent: (event: LogEvent) => void
  /** The disk got further: `durableIndex` has changed. */
  onDurable (): void
  /** The log begins anew; these segments are no longer part of it. */
  onReplaced (old: Segment[]): void
  /** All that waited was refused, and nothing of it was written: what `segments` holds is the whole log again. */
  onRefused (): void
}

interface Waiting {
  request: AppendRequest
  /** Where the log begins anew, when that is what was asked for. */
  anew: Position | undefined
  /** The first index that the request touches. */
  firstIndex: number
  bytes: number
  resolve: () => void
  reject: (error: Error) => void
}

/**
 * Group commit: one batch at a time is on its way to the disk, in one write, and what arrives meanwhile gathers into
 * the next. So the disk is never asked twice at once, and recovery knows that only the last batch can be torn.
 */
export class GroupCommit {
  readonly #segments: Segments
  readonly #supply: SegmentSupply
  readonly #hooks: GroupCommitHooks
  readonly #encoder = new BatchEncoder()
  /** In order of arrival. The requests of a batch that is under way stay at the front until it is durable. */
  #queue: Waiting[] = []
  #running = false
  /** Why the log is over, once a write has failed. */
  failure: LogError | undefined
  /** The last entry of the log that is durable, all before it being so too. */
  durableIndex: number

  constructor (segments: Segments, supply: SegmentSupply, hooks: GroupCommitHooks) {
    this.#segments = segments
    this.#supply = supply
    this.#hooks = hooks
    this.durableIndex = segments.lastIndex
  }

  /** Resolves when the request, and so all before it, is durable. */
  append (request: AppendRequest): Promise<void> {
    return this.#push(request, request.entries[0]?.index ?? Infinity, undefined)
  }

  /** Resolves when the log durably begins anew after the position. */
  reset (anew: Position): Promise<void> {
    return this.#push({ entries: [] }, anew.index + 1, anew)
  }

  #push (request: AppendRequest, firstIndex: number, anew: Position | undefined): Promise<void> {
    this.durableIndex = Math.min(this.durableIndex, firstIndex - 1)
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, anew, firstIndex, bytes: requestBytes(request.entries), resolve, reject })
      if (this.#running) return
      this.#running = true
      // After the current turn, so that all that it appends goes out together.
      process.nextTick(() => { void this.#run() })
    })
  }

  async #run (): Promise<void> {
    try {
      for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
        if (next.anew !== undefined) await this.#beginAnew(next.anew)
        else await this.#writeBatch(next)
      }
      this.#running = false
    } catch (error) {
      this.#refuse(error)
    }
  }

  async #writeBatch (first: Waiting): Promise<void> {
    if (first.bytes > this.#segments.active.room) this.#segments.add(await this.#newSegment(first.bytes))
    const segment = this.#segments.active
    const { requests, bytes: bytesMax } = this.#take(segment.room)
    const start = segment.end
    const bytes = this.#encoder.encode(this.#segments, requests, bytesMax)
    if (bytes.length > 0) {
      const startedAt = performance.now()
      try {
        await writeDurably(segment.fd, bytes, start)
      } catch (error) {
        throw failed(segment.file, error)
      }
      const seconds = (performance.now() - startedAt) / 1000
      let entries = 0
      for (const request of requests) entries += request.entries.length
      this.#hooks.onEvent({ type: 'sync', seconds, bytes: bytes.length, entries, requests: requests.length })
    }
    this.#finish(requests.length)
    if (segment.room < segment.header.capacity / 2) this.#supply.prepare()
  }

  /** As many whole requests from the front of the queue as make a batch: at least one, up to a reset. */
  #take (room: number): { requests: AppendRequest[], bytes: number } {
    const requests: AppendRequest[] = []
    let bytes = 0
    for (const waiting of this.#queue) {
      const full = bytes + waiting.bytes > Math.min(room, batchBytesMax)
      if (waiting.anew !== undefined || (full && requests.length > 0)) break
      requests.push(waiting.request)
      bytes += waiting.bytes
    }
    return { requests, bytes }
  }

  async #beginAnew (position: Position): Promise<void> {
    const old = this.#segments.replace(await this.#newSegment(0, position))
    this.#hooks.onReplaced(old)
    this.#finish(1)
  }

  #newSegment (bytes: number, anew?: Position): Promise<Segment> {
    const { active, hardState } = this.#segments
    return this.#supply.take({
      sequence: active.header.sequence + 1,
      previousEnd: active.end,
      before: anew ?? this.#segments.last,
      hardState,
      anew: anew !== undefined,
    }, bytes)
  }

  /** The first `count` of the queue are durable. */
  #finish (count: number): void {
    const done = this.#queue.splice(0, count)
    // What still waits may replace entries that were just written: those are in the log no longer.
    this.durableIndex = this.#segments.lastIndex
    for (const { firstIndex } of this.#queue) this.durableIndex = Math.min(this.durableIndex, firstIndex - 1)
    this.#hooks.onDurable()
    for (const waiting of done) waiting.resolve()
  }

  #refuse (cause: unknown): void {
    const error = cause instanceof LogError ? cause : failed(this.#segments.active.file, cause)
    const refused = this.#queue
    this.#queue = []
    this.#running = false
    if (error.code === 'LOG_FULL' || error.code === 'LOG_NO_SEGMENT') {
      this.durableIndex = this.#segments.lastIndex
      this.#hooks.onRefused()
    } else {
      this.failure = error
    }
    for (const waiting of refused) waiting.reject(error)
  }
}
