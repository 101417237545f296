import type { Change } from '../../storage/change.ts'
import { Problem } from '../../storage/problem.ts'
import { FeedStream, SharedChunks, type EndReason, type StreamOptions } from './stream.ts'
import { Tail } from './tail.ts'
import { Waiters } from './waiters.ts'

export interface FeedOptions {
  lastRevision: number
  tailBytesMax: number
  blockedReadersMax: number
  streamsMax: number
  streamHeartbeatSeconds: number
  streamStallSeconds: number
  streamBufferBytesMax: number
  /** Some readers may not see everything. */
  isGuarded: boolean
  renderProblem: StreamOptions['renderProblem']
}

/** The live end of the feed and all who wait at it. */
export class Feed {
  readonly tail: Tail
  readonly waiters: Waiters
  readonly ended: Record<EndReason, number> = { client: 0, stalled: 0, shutdown: 0, problem: 0 }
  readonly #options: FeedOptions
  readonly #streams = new Set<FeedStream>()
  readonly #chunks = new SharedChunks()
  readonly #heart: NodeJS.Timeout
  /** Changes that readers have not been told of. */
  #unheard: Change[] = []
  #closed = false

  constructor (options: FeedOptions) {
    this.#options = options
    this.tail = new Tail(options.lastRevision, options.tailBytesMax)
    this.waiters = new Waiters(options.blockedReadersMax)
    this.#heart = setInterval(() => this.#sendHeartbeats(), options.streamHeartbeatSeconds * 1000)
    this.#heart.unref()
  }

  get closed (): boolean {
    return this.#closed
  }

  get streams (): number {
    return this.#streams.size
  }

  /**
   * Takes in the changes of one batch. Readers hear of them after the current turn, so that thousands of them do not
   * keep the writers from their answers, and what several batches bring goes out together.
   */
  publish (changes: Change[]): void {
    this.tail.push(changes)
    // Rights go by the names of tenants: whoever may not see one any more is to be gone before the readers hear of it.
    if (this.#options.isGuarded && changes.some(({ scope }) => scope.type.startsWith('tenant-'))) this.recheck()
    this.#unheard = this.#unheard.concat(changes)
    if (this.#unheard.length > changes.length) return
    setImmediate(() => {
      const unheard = this.#unheard
      this.#unheard = []
      for (const stream of this.#streams) stream.pump()
      this.waiters.publish(unheard)
    })
  }

  /**
   * A snapshot has taken the place of everything. It brings changes that were never published here, so readers go on
   * from the disk, as far as the history reaches back.
   */
  restart (lastRevision: number): void {
    this.tail.restart(lastRevision)
    this.#chunks.clear()
    this.#unheard = []
    if (this.#options.isGuarded) this.recheck()
    for (const stream of this.#streams) stream.pump()
    this.waiters.wakeAll()
  }

  /** Rights have changed, or tenants on whose names they are: each reader is looked at again, also those that wait. */
  recheck (): void {
    for (const stream of this.#streams) stream.recheck()
    this.waiters.wakeAll()
  }

  /** @throws Problem TOO_MANY_READERS when as many streams are open as the node allows. */
  admitStream (): void {
    const limit = this.#options.streamsMax
    if (this.#streams.size >= limit) throw new Problem('TOO_MANY_READERS', { setting: 'CHANGEWELL_STREAMS_MAX', limit })
    if (this.#closed) throw new Problem('DRAINING', { reason: 'this node is shutting down' })
  }

  /** The response's head has been sent, in the turn in which the stream was admitted; from here on it is the feed's. */
  open (options: Pick<StreamOptions, 'response' | 'source' | 'view' | 'framing' | 'since'>): void {
    const stream = new FeedStream({
      ...options,
      tail: this.tail,
      chunks: this.#chunks,
      bufferBytesMax: this.#options.streamBufferBytesMax,
      stallSeconds: this.#options.streamStallSeconds,
      renderProblem: this.#options.renderProblem,
      onEnd: (ended, reason) => {
        this.#streams.delete(ended)
        this.ended[reason]++
      },
    })
    this.#streams.add(stream)
    // A reader that is gone already says so no more.
    if (options.response.destroyed) stream.end('client')
    else stream.pump()
  }

  /** Readers are let go, so that they go on elsewhere or later from where they stand. */
  close (): void {
    this.#closed = true
    clearInterval(this.#heart)
    this.waiters.close()
    for (const stream of this.#streams) stream.end('shutdown')
  }

  #sendHeartbeats (): void {
    for (const stream of this.#streams) stream.heartbeat()
  }
}
