import net from 'node:net'
import t from 'tap'
import { folder, listeningNode, startProcess, until } from '../support/node.ts'
import type { HistoryChange } from '../support/replay.ts'
import { SlowReader } from './slow-reader.ts'
import { StreamReader } from './stream-reader.ts'
import { post } from './world.ts'

t.test('A node that stops lets its readers go with whole answers, and they go on where they stood', async (t) => {
  const CHANGEWELL_DATA_DIR = folder(t)
  const node = await startProcess(t, { CHANGEWELL_DATA_DIR })
  await write(node.url, 10)
  const events = await StreamReader.open(t, `${node.url}/changes?since=0`, { framing: 'sse' })
  const lines = await StreamReader.open(t, `${node.url}/changes?since=0`, { framing: 'ndjson' })
  const polls = Array.from({ length: 20 }, () => fetch(`${node.url}/changes?since=10&block=60`))
  await until(async () => (await metric(node.url, 'changewell_feed_blocked_readers')) === 20, 'the long polls')
  await until(() => events.changes.length === 10 && lines.changes.length === 10, 'the streams')

  await node.kill('SIGTERM')
  t.same(await node.ended, { code: 0, signal: null }, node.lines.at(-1) ?? '')
  t.same([await events.ended, await lines.ended], [true, true], 'the streams ended rather than broke')
  t.same([events.problem, lines.problem], [null, null])
  const pages = await Promise.all(polls.map(async (poll) => (await poll).json() as Promise<{ lastRevision: number }>))
  t.ok(pages.every(({ lastRevision }) => lastRevision === 10), 'the long polls got their pages')

  const again = await startProcess(t, { CHANGEWELL_DATA_DIR })
  const resumed = await StreamReader.open(t, `${again.url}/changes`, { framing: 'sse', lastEventId: events.lastEventId })
  const poll = fetch(`${again.url}/changes?since=${pages[0]!.lastRevision}&block=60`)
  await write(again.url, 1)
  await until(() => resumed.changes.length === 1, 'the change after it')
  t.same(resumed.revisions, [11])
  t.same((await (await poll).json() as { changes: HistoryChange[] }).changes.map(({ revision }) => revision), [11])
})

t.test('Nobody keeps a node from stopping: not who stopped reading, not who never asked', async (t) => {
  const { app, url } = await listeningNode(t, { streamBufferBytesMax: 64 * 1024, shutdownSeconds: 3600 })
  const { hostname, port } = new URL(url)
  const connect = (): net.Socket => net.connect({ host: hostname, port: Number(port) }).on('error', () => {})
  const full = new SlowReader(t, url, '/changes?since=0', 'text/event-stream')
  for (let at = 0; at < 200; at++) await post(app, '/changes', { data: 'x'.repeat(40_000) })
  const silent = connect()
  const halfway = connect()
  halfway.write('GET /changes HTTP/1.1\r\nhost: ')
  const kept = connect()
  kept.write('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await new Promise((resolve) => { kept.once('data', resolve) })
  await until(() => app.feed.streams === 1, 'the stream')
  const closed = [silent, halfway, kept].map((socket) => new Promise((resolve) => { socket.once('close', resolve) }))
  for (const socket of [silent, halfway, kept]) socket.resume()

  await app.close()
  await Promise.all(closed)
  full.read()
  await full.closed
  const { revisions } = full
  t.same(revisions, Array.from(revisions, (_, at) => at + 1))
  t.equal(app.feed.ended.shutdown, 1)
})

t.test('A connection that is at work when the node stops is closed once its answer is out', async (t) => {
  const { app, url } = await listeningNode(t)
  const poll = fetch(`${url}/changes?block=60`)
  await until(() => app.feed.waiters.size === 1, 'the long poll')
  await app.close()
  const response = await poll
  t.equal(response.headers.get('connection'), 'close')
  t.same(await response.json(), { changes: [], lastRevision: 0, atStart: true, atEnd: true })
})

t.test('A write that was taken is answered although the node stops', async (t) => {
  const { app, url } = await listeningNode(t)
  const writes = Array.from({ length: 50 }, async (_, at) => (await fetch(`${url}/changes`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ data: at }),
  })).status)
  const settled = Promise.allSettled(writes)
  await until(() => app.raft.status.lastIndex > 3, 'the first writes')
  await app.close()
  const answers = (await settled).map((answer) => answer.status === 'fulfilled' ? answer.value : 'not connected')
  // Some come too late: they are refused, or find nobody.
  t.ok(answers.every((answer) => answer === 201 || answer === 503 || answer === 'not connected'), answers.join(' '))
  t.equal(answers.filter((answer) => answer === 201).length, app.database.revision, 'answered as often as done')
})

async function write (url: string, count: number): Promise<void> {
  const body = JSON.stringify({ changes: Array.from({ length: count }, (_, at) => ({ data: at })) })
  const response = await fetch(`${url}/changes`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  if (response.status !== 201) throw new Error(await response.text())
}

async function metric (url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name} ([0-9]+)$`, 'm').exec(text)?.[1])
}
