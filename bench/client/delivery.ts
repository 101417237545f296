import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { connect, type Target } from './connect.ts'
import { ResponseReader } from './response-reader.ts'

/** How a reader asks for what is to come. */
export interface Watch {
  /** Opens a stream, or is answered with the revision that the first long poll begins at. */
  request: Uint8Array
  /** What stands before and after the revision in the request of a long poll; absent for a stream. */
  poll?: { before: string, after: string }
}

/** Readers wait; writes come one by one, each when all readers have the one before. */
export interface DeliveryJob extends Target {
  kind: 'delivery'
  watch: Watch
  watchers: number
  writes: Uint8Array[]
  /** The text that shows a reader the write of the same place; nothing else that it gets holds it. */
  signs: string[]
  /** Quiet time before each write, in which long polls come back. */
  pauseMs: number
}

export interface DeliveryResult {
  /** For each write, milliseconds from its sending until the last reader had it. */
  lastMs: number[]
}

/** The longest wait for one write to reach all. */
const deliveryMs = 10_000

/** @throws Error when a write does not reach all readers in ten seconds, or is refused. */
export async function deliver (job: DeliveryJob): Promise<DeliveryResult> {
  const watchers = await Promise.all(Array.from({ length: job.watchers }, () => Watcher.open(job, job.watch)))
  const writer = await connect(job)
  try {
    const lastMs: number[] = []
    for (const [at, write] of job.writes.entries()) {
      await pause(job.pauseMs)
      const arrivals = Promise.all(watchers.map((watcher) => watcher.arrival(job.signs[at]!)))
      const sentAt = performance.now()
      const [times] = await inTime(Promise.all([arrivals, send(writer, write)]))
      lastMs.push(Math.max(...times) - sentAt)
    }
    return { lastMs }
  } finally {
    for (const watcher of watchers) watcher.close()
    writer.destroy()
  }
}

function send (socket: Socket, request: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const reader = new ResponseReader({
      onEnd (status) {
        socket.off('data', onData)
        if (status >= 200 && status <= 299) resolve()
        else reject(new Error(`a write was answered ${status}`))
      },
    })
    const onData = (bytes: Buffer): void => reader.push(bytes)
    socket.on('data', onData)
    socket.write(request)
  })
}

async function inTime<T> (work: Promise<T>): Promise<T> {
  const over = new AbortController()
  const late = pause(deliveryMs, null, { signal: over.signal }).then(() => {
    throw new Error('a write did not reach all readers in time')
  })
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
    late.catch(() => {})
  }
}

class Watcher {
  readonly #socket: Socket
  readonly #watch: Watch
  /** What came since the last sign: a sign may come in two parts. */
  #text = ''
  #awaited: { sign: string, resolve: (at: number) => void } | null = null

  private constructor (socket: Socket, watch: Watch) {
    this.#socket = socket
    this.#watch = watch
    const reader = new ResponseReader({ onBody: (part) => this.#onBody(part), onEnd: () => this.#onEnd() })
    socket.on('data', (bytes) => reader.push(bytes))
  }

  static async open (target: Target, watch: Watch): Promise<Watcher> {
    const socket = await connect(target)
    const watcher = new Watcher(socket, watch)
    socket.write(watch.request)
    // From its first bytes on a stream is open, and misses nothing.
    await inTime(once(socket, 'data'))
    return watcher
  }

  /** Resolves to the time at which the sign comes, by the process's clock. */
  arrival (sign: string): Promise<number> {
    return new Promise((resolve) => { this.#awaited = { sign, resolve } })
  }

  close (): void {
    this.#socket.destroy()
  }

  #onBody (part: Buffer): void {
    const now = performance.now()
    this.#text += part.toString('latin1')
    if (this.#awaited === null || !this.#text.includes(this.#awaited.sign)) return
    this.#awaited.resolve(now)
    this.#awaited = null
    if (this.#watch.poll === undefined) this.#text = ''
  }

  /** The end of a long poll says where the next one goes on. */
  #onEnd (): void {
    const { poll } = this.#watch
    const revision = /"lastRevision":(\d+)/.exec(this.#text)?.[1]
    this.#text = ''
    if (poll !== undefined && revision !== undefined) this.#socket.write(`${poll.before}${revision}${poll.after}`)
  }
}
