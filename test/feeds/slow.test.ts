import type { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { listeningNode, until } from '../support/node.ts'
import { SlowReader } from './slow-reader.ts'
import { StreamReader } from './stream-reader.ts'
import { post } from './world.ts'

const changeBytes = 40_000
/** More than the buffers of the two kernels' ends take. */
const changes = 400
const streamBufferBytesMax = 64 * 1024
/** A chunk is begun when the buffer has room, and one change more may go into it. */
const chunkBytes = 64 * 1024

const media = [['server-sent events', 'text/event-stream'], ['lines', 'application/x-ndjson']] as const

for (const [what, accept] of media) {
  t.test(`A reader of ${what} that stops is bounded, holds up nobody, and misses nothing when it reads again`, async (t) => {
    const { app, url } = await listeningNode(t, { feedTailBytesMax: 1024 * 1024, streamBufferBytesMax })
    const buffered = watch(app)
    const slow = new SlowReader(t, url, '/changes?since=0', accept)
    const fast = await StreamReader.open(t, `${url}/changes?since=0`, { framing: 'ndjson' })
    await until(() => app.feed.streams === 2, 'both streams')
    await write(app, changes)
    await until(() => fast.changes.length === changes, 'the other reader to have everything')
    t.ok(app.feed.tail.firstRevision > changes / 2, 'what the slow reader lacks is no longer in memory')
    t.ok(buffered() > streamBufferBytesMax, 'there was something to hold back')
    const most = streamBufferBytesMax + chunkBytes + 2 * changeBytes
    t.ok(buffered() < most, `at most ${buffered()} bytes waited for it, less than ${most}`)

    slow.read()
    await until(() => slow.revisions.length === changes, 'the slow reader to have everything', 30)
    await write(app, 5)
    await until(() => slow.revisions.length >= changes + 5, 'the live end')
    t.same(slow.revisions, Array.from({ length: changes + 5 }, (_, at) => at + 1))
    t.ok(buffered() < most)
  })
}

t.test('A reader that falls far behind again and again gets everything once', async (t) => {
  const { app, url } = await listeningNode(t, { feedTailBytesMax: 64 * 1024, streamBufferBytesMax: 4096 })
  const slow = new SlowReader(t, url, '/changes?since=0', 'text/event-stream')
  let written = 0
  for (let round = 0; round < 6; round++) {
    slow.socket.pause()
    await write(app, 120)
    written += 120
    slow.read()
    if (round % 2 === 0) continue
    await until(() => slow.revisions.length >= written, `the reader to have ${written} changes`, 30)
  }
  t.same(slow.revisions, Array.from({ length: written }, (_, at) => at + 1))
})

t.test('A reader of few changes that stops is bounded by what it reads, not by what there is', async (t) => {
  const { app, url } = await listeningNode(t, { feedTailBytesMax: 64 * 1024, streamBufferBytesMax })
  const buffered = watch(app)
  await post(app, '/tenants', { name: 'a' })
  const slow = new SlowReader(t, url, '/changes?since=0&tag=rare', 'application/x-ndjson')
  await write(app, 200)
  await post(app, '/changes', { data: 1, tags: ['rare'] })
  slow.read()
  await until(() => slow.revisions.length === 1, 'the change')
  t.same(slow.revisions, [app.database.revision])
  t.ok(buffered() < changeBytes)
})

t.test('Large changes do not pile up for a reader who stopped before it began', async (t) => {
  const { app, url } = await listeningNode(t, { feedTailBytesMax: 64 * 1024, streamBufferBytesMax, bodyBytesMax: 2e6 })
  const bytes = 1_000_000
  await write(app, 30, bytes)
  const buffered = watch(app)
  const slow = new SlowReader(t, url, '/changes?since=0', 'application/x-ndjson')
  await until(() => buffered() > 0, 'a full buffer')
  const most = streamBufferBytesMax + chunkBytes + 2 * bytes
  slow.read()
  await until(() => slow.revisions.length === 30, 'everything', 30)
  t.ok(buffered() < most, `at most ${buffered()} bytes waited, less than ${most}`)
})

t.test('A stream whose reader takes nothing is closed after a while; others stay', async (t) => {
  const { app, url } = await listeningNode(t, { streamStallSeconds: 1, streamHeartbeatSeconds: 1, streamBufferBytesMax })
  const slow = new SlowReader(t, url, '/changes?since=0', 'text/event-stream')
  const quiet = await StreamReader.open(t, `${url}/changes?since=0&tag=none`, { framing: 'sse' })
  const fast = await StreamReader.open(t, `${url}/changes?since=0`, { framing: 'sse' })
  await write(app, changes)
  await until(() => app.feed.ended.stalled === 1, 'the stream to be closed')
  slow.read()
  await slow.closed
  const { revisions } = slow
  t.ok(revisions.length < changes, 'the rest was never sent')
  t.same(revisions, Array.from(revisions, (_, at) => at + 1))
  t.equal(app.feed.streams, 2)
  await write(app, 1)
  await until(() => fast.changes.length === changes + 1, 'the others to go on')
  t.equal(quiet.problem, null)
  t.same(app.feed.ended, { client: 0, stalled: 1, shutdown: 0, problem: 0 })
})

t.test('A reader who goes away is forgotten, wherever its stream was', async (t) => {
  const { app, url } = await listeningNode(t, { feedTailBytesMax: 64 * 1024, streamBufferBytesMax })
  await write(app, changes)
  for (const readers of [30, 30]) {
    const slow = Array.from({ length: readers }, () => new SlowReader(t, url, '/changes?since=0', 'text/event-stream'))
    // Some are gone before their stream is open, some while it reads the disk, some while it waits for them.
    for (const [at, { socket }] of slow.entries()) {
      await new Promise<void>((resolve) => { socket.connecting ? socket.once('connect', resolve) : resolve() })
      if (at % 3 === 0) socket.destroy()
      else if (at % 3 === 1) setImmediate(() => socket.resetAndDestroy())
    }
    await until(() => app.feed.streams <= readers / 3, 'the streams of those who are gone')
    await until(() => app.feed.streams === readers / 3, 'the streams of those who stay')
    for (const { socket } of slow) socket.destroy()
    await until(() => app.feed.streams === 0, 'all streams to be gone')
  }
})

/** Changes of 40 kB, unless told otherwise, one after another. */
async function write (app: FastifyInstance, count: number, bytes = changeBytes): Promise<void> {
  for (let at = 0; at < count; at++) await post(app, '/changes', { data: 'x'.repeat(bytes) })
}

/** The most bytes that ever waited in one response. */
function watch (app: FastifyInstance): () => number {
  let most = 0
  app.server.on('request', (_request, response: ServerResponse) => {
    const send = response.write.bind(response) as (bytes: Buffer) => boolean
    response.write = (bytes: Buffer) => {
      const taken = send(bytes)
      most = Math.max(most, response.writableLength)
      return taken
    }
  })
  return () => most
}
