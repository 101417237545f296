import type { ServerResponse } from 'node:http'
import { Problem } from '../../storage/problem.ts'
import { onStalled } from '../stalled-reader.ts'
import { beforeBorder, type View } from './border.ts'
import type { Source } from './source.ts'
import { Frame, type Framing, type Tail } from './tail.ts'

export interface StreamOptions {
  response: ServerResponse
  source: Source
  /** What the reader may see; null when nothing is hidden from anybody. */
  view: Pick<View, 'lost' | 'isBorder' | 'border'> | null
  framing: Framing
  since: number
  tail: Tail
  bufferBytesMax: number
  stallSeconds: number
  /** One chunk of changes for all streams that stand at the same place. */
  chunks: SharedChunks
  onEnd: (stream: FeedStream, reason: EndReason) => void
  /** The bytes that tell a reader why its stream ends, or null when the reader may simply come again. */
  renderProblem: (problem: Problem, framing: Framing) => Buffer
}

export type EndReason = 'client' | 'stalled' | 'shutdown' | 'problem'

/** The most changes that a stream which is behind reads from the disk at a time. */
const catchUpChangesMax = 200

/** About how many bytes go into one write to a stream. */
const chunkBytes = 64 * 1024

/** A reader who is told that its stream ends has so long to take the rest of it. */
const endGraceMs = 1000

/**
 * One open stream: it stands at a revision and pushes what follows, from memory at the live end and from the disk when
 * it is behind. A reader that takes nothing is left standing with a bounded buffer; it holds up nobody else, and when
 * it takes again it goes on where it stood, so that it misses nothing and sees nothing twice.
 */
export class FeedStream {
  readonly #options: StreamOptions
  #cursor: number
  /** Waiting for the reader to take what was written. */
  #isBlocked = false
  #reading = false
  /** So many changes are about one chunk, as far as the last ones tell. */
  #catchUpChanges = 8
  #ended = false

  constructor (options: StreamOptions) {
    this.#options = options
    this.#cursor = options.since
    options.response.on('drain', () => {
      this.#isBlocked = false
      this.pump()
    })
    onStalled(options.response, options.stallSeconds, () => this.end('stalled'))
    options.response.on('close', () => this.end('client'))
    options.response.on('error', () => this.end('client'))
  }

  get cursor (): number {
    return this.#cursor
  }

  /** Writes what the reader can take now. Called whenever there may be more. */
  pump (): void {
    const { tail } = this.#options
    while (this.#isReady() && this.#cursor < tail.lastRevision) {
      if (!tail.covers(this.#cursor)) {
        void this.#catchUp()
        return
      }
      const chunk = this.#options.chunks.after(this.#cursor, this.#options)
      this.#cursor = chunk.lastRevision
      if (chunk.bytes !== null) this.#write(chunk.bytes)
      if (chunk.border !== null) return this.end('problem', chunk.border)
    }
    // A reader who has no room for more takes what it has first.
    if (!this.#isReady()) return
    const problem = this.#aheadProblem() ?? this.#options.source.over()
    if (problem !== null) this.end('problem', problem)
  }

  /** A sign of life. It carries the revision looked at, so that a reader of a rare filter resumes near the end. */
  heartbeat (): void {
    if (!this.#isReady() || this.#cursor < this.#options.tail.lastRevision) return
    this.#write(Buffer.from(this.#options.framing === 'sse' ? `id: ${this.#cursor}\n: alive\n\n` : '\n'))
  }

  /** Ends the stream when its reader may not go on. To be called when rights or tenants have changed. */
  recheck (): void {
    const problem = this.#ended ? null : this.#options.view?.lost() ?? null
    if (problem !== null) this.end('problem', problem)
  }

  end (reason: EndReason, problem?: Problem): void {
    if (this.#ended) return
    this.#ended = true
    const { response, framing } = this.#options
    if (problem !== undefined) response.write(this.#options.renderProblem(problem, framing))
    if (reason === 'stalled' || this.#isBlocked) response.destroy()
    else response.end()
    if (!response.closed) {
      const grace = setTimeout(() => response.destroy(), endGraceMs).unref()
      response.once('close', () => clearTimeout(grace))
    }
    this.#options.onEnd(this, reason)
  }

  #isReady (): boolean {
    return !this.#ended && !this.#reading && !this.#isBlocked
  }

  /** A snapshot may have brought an older state than the one that was read: what follows there is another history. */
  #aheadProblem (): Problem | null {
    const { lastRevision } = this.#options.tail
    return this.#cursor > lastRevision ? new Problem('REVISION_AHEAD', { since: this.#cursor, revision: lastRevision }) : null
  }

  async #catchUp (): Promise<void> {
    const { tail } = this.#options
    const { restarts } = tail
    this.#reading = true
    try {
      const page = await this.#options.source.read(this.#cursor, this.#catchUpChanges, chunkBytes)
      const { changes, lastRevision } = beforeBorder(page, this.#options.view)
      this.#reading = false
      if (this.#ended) return
      this.#cursor = lastRevision
      const wasFull = changes.length === this.#catchUpChanges
      this.#catchUpChanges = wasFull
        ? Math.min(this.#catchUpChanges * 2, catchUpChangesMax)
        : Math.max(changes.length, 1)
      if (changes.length > 0) {
        this.#write(Buffer.concat(changes.map((change) => new Frame(change).bytes(this.#options.framing))))
      }
      this.pump()
    } catch (error) {
      this.#reading = false
      const problem = asProblem(error)
      // While a snapshot is being installed nothing can be read: the restart of the feed that follows goes on here.
      if (problem.code !== 'NOT_READY') this.end('problem', problem)
      else if (tail.restarts !== restarts) this.pump()
    }
  }

  #write (bytes: Buffer): void {
    const { response, bufferBytesMax } = this.#options
    const isFull = !response.write(bytes)
    // Only a response that called itself full says when it is not any more.
    if (isFull && response.writableLength > bufferBytesMax) this.#isBlocked = true
  }
}

function asProblem (error: unknown): Problem {
  if (error instanceof Problem) return error
  return new Problem('STORAGE_FAILED', { reason: error instanceof Error ? error.message : String(error) }, { cause: error })
}

interface Chunk {
  /** Null when nothing up to `lastRevision` is for this reader. */
  bytes: Buffer | null
  lastRevision: number
  /** Why the reader may not go on after it. */
  border: Problem | null
}

/** Streams at the live end mostly stand at one place and follow everything: their next chunk is made once. */
export class SharedChunks {
  readonly #last = new Map<Framing, { since: number, until: number, chunk: Chunk }>()

  clear (): void {
    this.#last.clear()
  }

  after (since: number, options: Pick<StreamOptions, 'tail' | 'source' | 'framing' | 'view'>): Chunk {
    const { tail, source, framing } = options
    if (!source.isEverything) return makeChunk(since, options)
    const last = this.#last.get(framing)
    if (last !== undefined && last.since === since && last.until === tail.lastRevision) return last.chunk
    const chunk = makeChunk(since, options)
    this.#last.set(framing, { since, until: tail.lastRevision, chunk })
    return chunk
  }
}

function makeChunk (
  since: number, { tail, source, framing, view }: Pick<StreamOptions, 'tail' | 'source' | 'framing' | 'view'>
): Chunk {
  const parts: Buffer[] = []
  let border: Problem | null = null
  let bytes = 0
  let revision = since
  while (revision < tail.lastRevision && bytes < chunkBytes) {
    const frame = tail.frame(++revision)
    if (!source.matches(frame.change)) continue
    if (view?.isBorder?.(frame.change) === true) {
      border = view.border(revision--)
      break
    }
    const part = frame.bytes(framing)
    parts.push(part)
    bytes += part.length
  }
  const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  return { bytes: parts.length === 0 ? null : whole, lastRevision: revision, border }
}
