import t from 'tap'
import { listeningNode, until } from '../support/node.ts'
import { StreamReader } from './stream-reader.ts'
import { post } from './world.ts'

t.test('A quiet stream shows signs of life, which tell how far the node has looked', async (t) => {
  const { app, url } = await listeningNode(t, { streamHeartbeatSeconds: 1, feedTailBytesMax: 64 * 1024 })
  const events = await StreamReader.open(t, `${url}/changes?tag=rare&since=0`, { framing: 'sse' })
  const lines = await StreamReader.open(t, `${url}/changes?tag=rare&since=0`, { framing: 'ndjson' })
  for (let at = 0; at < 300; at++) await post(app, '/changes', { data: 'x'.repeat(1000) })
  await until(() => events.heartbeats > 1 && lines.heartbeats > 1, 'signs of life')
  await until(() => events.lastEventId === '300', 'one that tells of the last change')
  t.same([...events.changes, ...lines.changes], [], 'they are not changes')

  events.close()
  await post(app, '/changes', { data: 'awaited', tags: ['rare'] })
  const resumed = await StreamReader.open(t, `${url}/changes?tag=rare&since=0`, {
    framing: 'sse', lastEventId: events.lastEventId,
  })
  await until(() => resumed.changes.length === 1 && lines.changes.length === 1, 'the change')
  t.same(resumed.revisions, [301], 'who resumes there misses nothing')
  t.same(lines.revisions, [301])
})

t.test('A busy stream gets its changes and no heartbeat in the middle of one', async (t) => {
  const { app, url } = await listeningNode(t, { streamHeartbeatSeconds: 1 })
  const reader = await StreamReader.open(t, `${url}/changes?since=0`, { framing: 'sse' })
  let written = 0
  await until(async () => {
    await post(app, '/changes', { data: written++ })
    return reader.heartbeats >= 2
  }, 'heartbeats between changes')
  await until(() => reader.changes.length === written, 'all changes')
  t.same(reader.changes.map(({ data }) => data), Array.from({ length: written }, (_, at) => at))
})
