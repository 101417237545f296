import { setTimeout as pause } from 'node:timers/promises'
import { monotonicMs } from './clock.ts'
import type { Copy } from './copy.ts'

export interface FollowOptions {
  port: number
  copy: Copy
  /** The connection is cut on purpose, once, when the copy has come as far as this revision. */
  cutAt: number
  /** Resolves with the revision at which to stop, when that is known. */
  until: Promise<number>
}

/** Rest before a new connection when one broke that was not cut on purpose. */
const retryMs = 100

/** Follows the feed from where the copy stands, over as many connections as it takes. Returns how many those were. */
export async function follow ({ port, copy, cutAt, until }: FollowOptions): Promise<number> {
  let end = Infinity
  const done = new AbortController()
  void until.then((revision) => {
    end = revision
    if (copy.revision >= end) done.abort()
  })
  let connections = 0
  let isCut = false
  while (copy.revision < end) {
    connections++
    try {
      const { body } = await fetch(`http://127.0.0.1:${port}/changes?since=${copy.revision}`, {
        headers: { accept: 'application/x-ndjson' }, signal: done.signal,
      })
      for await (const { text, arrivedMs } of linesOf(body!)) {
        // An empty line is a sign of life.
        if (text !== '') copy.apply(text, arrivedMs)
        if (copy.revision >= end) break
        if (isCut || copy.revision < cutAt) continue
        isCut = true
        // Leaving the loop closes the connection, with what is on its way.
        break
      }
    } catch (error) {
      if (done.signal.aborted) break
      if (!(error instanceof TypeError)) throw error
      await pause(retryMs)
    }
  }
  return connections
}

/** Whole lines of a body, with the time at which their last part came. */
async function * linesOf (body: AsyncIterable<Uint8Array>): AsyncGenerator<{ text: string, arrivedMs: number }> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const part of body) {
    const arrivedMs = monotonicMs()
    const lines = (rest + decoder.decode(part, { stream: true })).split('\n')
    rest = lines.pop()!
    for (const text of lines) yield { text, arrivedMs }
  }
}
