import type { Socket } from 'node:net'
import { quantile } from '../measure/quantile.ts'
import { connect, type Target } from './connect.ts'
import { ResponseReader } from './response-reader.ts'

/** A closed loop: each connection sends its next request when the answer to the last one is whole. */
export interface LoadJob extends Target {
  kind: 'load'
  connections: number
  /** Answers of this first time do not count, nor those before every connection has been answered once. */
  warmupSeconds: number
  seconds: number
  /** Sent in turn, from the first, by all connections together. */
  requests: Uint8Array[]
  /** The job is over when each of them has been answered. */
  once?: boolean
}

export interface LoadResult {
  perSecond: number
  /** All answers, those of the warm-up too. */
  answers: number
  /** Milliseconds from the sending of a request to the end of its answer. */
  p50Ms: number
  p99Ms: number
}

/** How long the last answers may take when the time is over. */
const drainMs = 10_000

/** How long it may take until every connection has been answered once. */
const acceptMs = 30_000

/** How long it may take to send all requests once. */
const onceMs = 120_000

/** @throws Error for the first answer that is not a success, or a connection that ends. */
export async function load (job: LoadJob): Promise<LoadResult> {
  const { connections, warmupSeconds, seconds, requests, once: isOnce = false } = job
  const sockets = await connectAll(job, connections)
  const begun = performance.now()
  // A server of Node takes in one connection in each turn of its loop: under load the last one waits for long.
  let silent = connections
  let from = Infinity
  let until = Infinity
  const latencies: number[] = []
  let next = 0
  let answers = 0

  function record (sentAt: number, isFirst: boolean): boolean {
    const now = performance.now()
    answers++
    if (isFirst && --silent === 0) {
      from = Math.max(now, begun + warmupSeconds * 1000)
      until = from + seconds * 1000
    }
    if (now >= from && now < until) latencies.push(now - sentAt)
    return now < until && (!isOnce || next < requests.length)
  }

  try {
    await Promise.all(sockets.map(async (socket) => {
      const giveUpMs = isOnce ? onceMs : acceptMs + (warmupSeconds + seconds) * 1000 + drainMs
      await loop(socket, { take: () => requests[next++ % requests.length]!, record, giveUpMs })
    }))
  } finally {
    for (const socket of sockets) socket.destroy()
  }
  latencies.sort((a, b) => a - b)
  return {
    perSecond: latencies.length / seconds, answers, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99),
  }
}

/** The first goes ahead: with TLS the others resume its session. */
async function connectAll (target: Target, count: number): Promise<Socket[]> {
  const first = await connect(target)
  return [first, ...await Promise.all(Array.from({ length: count - 1 }, () => connect(target)))]
}

interface LoopOptions {
  take: () => Uint8Array
  /** Counts an answer, and tells whether another request should follow. */
  record: (sentAt: number, isFirst: boolean) => boolean
  giveUpMs: number
}

function loop (socket: Socket, { take, record, giveUpMs }: LoopOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let sentAt = 0
    let isFirst = true
    const giveUp = setTimeout(() => reject(new Error('an answer did not come in time')), giveUpMs)
    const again = (): boolean => {
      const goesOn = record(sentAt, isFirst)
      isFirst = false
      return goesOn
    }
    const reader = new ResponseReader({
      onEnd (status) {
        if (status < 200 || status > 299) reject(new Error(`a request was answered ${status}`))
        else if (again()) send()
        else {
          clearTimeout(giveUp)
          resolve()
        }
      },
    })
    function send (): void {
      sentAt = performance.now()
      socket.write(take())
    }
    socket.on('data', (bytes) => reader.push(bytes))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the server closed a connection')))
    send()
  })
}
