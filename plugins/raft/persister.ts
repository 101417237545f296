import type { Snapshot } from './core/index.ts'
import type { PersistRequest } from './driver.ts'
import type { Log, LogError, LogErrorCode } from './log/index.ts'

export interface PersisterOptions {
  log: Log
  /** Replaces state machine and log by the snapshot, whose bytes are here, durably. */
  install: (snapshot: Snapshot) => Promise<void>
  /** What was asked for is done, and its caller was told. */
  onDone: () => void
  /** The disk takes nothing more for now, or takes it again (null). It is tried again and again. */
  onRefused: (error: Error | null) => void
  /** The disk failed, for good. */
  onFailure: (error: Error) => void
}

interface Waiting {
  request: PersistRequest
  done: () => void
  isStarted: boolean
  isDurable: boolean
}

/** Errors of the log that leave it as it was: nothing was written, and it can be tried again. */
const refusals = new Set<LogErrorCode>(['LOG_FULL', 'LOG_NO_SEGMENT'])

/** A full disk is tried again so often. */
const retryMs = 250

/**
 * Makes durable what the driver asks for, in order: the log writes all that wait together. On a full disk nothing is
 * acknowledged and nothing given up; it goes on when there is room again.
 */
export class Persister {
  readonly #options: PersisterOptions
  readonly #log: Log
  #queue: Waiting[] = []
  #retry: NodeJS.Timeout | null = null
  #closed = false

  constructor (options: PersisterOptions) {
    this.#options = options
    this.#log = options.log
  }

  persist (request: PersistRequest, done: () => void): void {
    this.#queue.push({ request, done, isStarted: false, isDurable: false })
    this.#advance()
  }

  close (): void {
    this.#closed = true
    if (this.#retry !== null) clearTimeout(this.#retry)
  }

  /** A snapshot takes the place of the log: what was before it is done first, and what follows waits. */
  #advance (): void {
    if (this.#retry !== null) return
    for (const [at, waiting] of this.#queue.entries()) {
      const { request: { snapshot }, isStarted } = waiting
      if (snapshot !== null && at > 0) return
      if (!isStarted) this.#start(waiting)
      if (snapshot !== null) return
    }
  }

  #start (waiting: Waiting): void {
    waiting.isStarted = true
    const { request } = waiting
    // A commit index that is lost is learned again.
    const work = request.mustSync ? this.#write(request) : Promise.resolve()
    work.then(
      () => {
        waiting.isDurable = true
        this.#finish()
      },
      (error: LogError) => this.#refused(waiting, error))
  }

  async #write ({ snapshot, hardState, entries }: PersistRequest): Promise<void> {
    if (snapshot !== null) await this.#options.install(snapshot)
    const request = { entries: [...entries] }
    if (hardState !== null || entries.length > 0) {
      await this.#log.append(hardState === null ? request : { ...request, hardState })
    }
  }

  #finish (): void {
    let isDone = false
    while (this.#queue[0]?.isDurable === true) {
      this.#queue.shift()!.done()
      isDone = true
    }
    if (!isDone) return
    this.#advance()
    this.#options.onDone()
  }

  #refused (waiting: Waiting, error: LogError): void {
    if (this.#closed) return
    if (!refusals.has(error.code)) return this.#options.onFailure(error)
    waiting.isStarted = false
    if (this.#retry !== null) return
    this.#options.onRefused(error)
    // The log refuses all that waits for it at once, so all of it is here again by then, in order.
    this.#retry = setTimeout(() => {
      this.#retry = null
      this.#options.onRefused(null)
      this.#advance()
    }, retryMs)
  }
}
