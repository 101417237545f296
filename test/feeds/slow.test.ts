import type { ServerResponse } from 'node:http'
import t from 'tap'
import type { FastifyInstance } from 'fastify'
import { listeningNode, until } from '../support/node.ts'
import { SlowReader } from './slow-reader.ts'
import { StreamReader } from './stream-reader.ts'
import { post } from './world.ts'

const changeBytes = 40_000
/** More than the buffers of the two kernels' ends take. */
const changes = 400
const together = 3
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
    await until(() => slow.revisions.length === changes, 'the slow reader to have everything')
    await write(app, 5)
    await until(() => slow.revisions.length >= changes + 5, 'the live end')
    t.same(slow.revisions, Array.from({ length: changes + 5 }, (_, at) => at + 1))
    t.ok(buffered() < most, `at most ${buffered()} bytes waited for it in the end, less than ${most}`)
  })
}

t.test('A reader that stops again and again, and holds little when it does, gets everything once', async (t) => {
  // The buffer's limit is below the size at which a socket calls itself full.
  const { app, url } = await listeningNode(t, { feedTailBytesMax: 64 * 1024, streamBufferBytesMax: 4096 })
  const slow = new SlowReader(t, url, '/changes?since=0', 'text/event-stream')
  for (let round = 1; round <= 5; round++) {
    slow.socket.pause()
    await write(app, 800, 5000)
    slow.read()
    if (round % 2 === 0) continue
    await until(() => slow.revisions.length >= app.database.revision, 'the reader to have everything')
  }
  t.same(slow.revisions, Array.from({ length: app.database.revision }, (_, at) => at + 1))
})

t.test('A follower of rare changes that was away gets them from the disk', async (t) => {
  const { app, url } = await listeningNode(t, { feedTailBytesMax: 64 * 1024, pageScanMax: 50 })
  const rare: number[] = []
  for (let round = 0; round < 3; round++) {
    await write(app, 120, 1000)
    await post(app, '/changes', { data: 1, tags: ['rare'] })
    rare.push(app.database.revision)
  }
  await write(app, 120, 1000)
  const reader = await StreamReader.open(t, `${url}/changes?since=0&tag=rare`, { framing: 'sse' })
  await until(() => reader.changes.length === rare.length, 'the changes')
  t.same(reader.revisions, rare)
})

t.test('Large changes do not pile up for a reader who stopped before it began', async (t) => {
  const { app, url } = await listeningNode(t, { feedTailBytesMax: 64 * 1024, streamBufferBytesMax })
  const bytes = 1_000_000
  await write(app, 30, bytes)
  const buffered = watch(app)
  const slow = new SlowReader(t, url, '/changes?since=0', 'application/x-ndjson')
  await until(() => buffered() > 0, 'a full buffer')
  const most = streamBufferBytesMax + chunkBytes + 2 * bytes
  slow.read()
  await until(() => slow.revisions.length === 30, 'everything')
  t.ok(buffered() < most, `at most ${buffered()} bytes waited, less than ${most}`)
})

t.test('A stream whose reader takes nothing is closed after a while; others stay', async (t) => {
  const seconds = { streamStallSeconds: 1, streamHeartbeatSeconds: 1 }
  const { app, url } = await listeningNode(t, { ...seconds, streamBufferBytesMax })
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

t.test('A reader that is slow and never stops gets a change that takes it longer than the time to stall', async (t) => {
  const stallSeconds = 3
  const bytes = 16 * 1024 * 1024
  const { app, url } = await listeningNode(t, {
    streamStallSeconds: stallSeconds, streamHeartbeatSeconds: 1, bodyBytesMax: 2 * bytes,
  })
  const slow = new SlowReader(t, url, '/changes?since=0', 'application/x-ndjson')
  await until(() => app.feed.streams === 1, 'the stream')
  await post(app, '/changes', { data: 'x'.repeat(bytes) })
  // More than the system holds for a connection waits in the node for several times the limit.
  slow.readAtMost(bytes / (stallSeconds * 3))
  let isClosed = false
  void slow.closed.then(() => { isClosed = true })
  await until(() => isClosed || slow.text.length > bytes, 'the change', 120)
  await post(app, '/changes', { data: 'after it' })
  await until(() => isClosed || slow.text.endsWith('"after it"}\n\r\n'), 'the live end')
  t.same(slow.revisions, [1, 2])
  t.same(app.feed.ended, { client: 0, stalled: 0, shutdown: 0, problem: 0 })
})

t.test('A stream that was quiet for longer than the time to stall is closed when its reader has stopped', async (t) => {
  const { app, url } = await listeningNode(t, { streamStallSeconds: 1, streamBufferBytesMax })
  const slow = new SlowReader(t, url, '/changes?since=0', 'application/x-ndjson')
  await until(() => app.feed.streams === 1, 'the stream')
  let looks = 0
  app.server.on('timeout', () => looks++)
  await until(() => looks > 0, 'a look at the quiet stream')
  t.equal(app.feed.streams, 1, 'it stays')
  await write(app, changes)
  await until(() => app.feed.ended.stalled === 1, 'the stream to be closed')
  slow.read()
  await slow.closed
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

/** Writes changes of 40 kB, unless told otherwise, a few at a time. */
async function write (app: FastifyInstance, count: number, bytes = changeBytes): Promise<void> {
  for (let left = count; left > 0; left -= together) {
    const changes = Array.from({ length: Math.min(left, together) }, () => ({ data: 'x'.repeat(bytes) }))
    await post(app, '/changes', { changes })
  }
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
