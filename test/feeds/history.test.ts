import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildNode, folder, listeningNode, until } from '../support/node.ts'
import type { HistoryChange } from '../support/replay.ts'
import { SlowReader } from './slow-reader.ts'
import { Refused, StreamReader, type ProblemBody } from './stream-reader.ts'
import { post } from './world.ts'

const kept = 50
const written = 300

t.test('History beyond what is kept goes, and whoever asks for it is told where it begins', async (t) => {
  const { app, url } = await trimmed(t)
  const first = app.database.firstRevision
  t.equal(first, app.database.revision - kept + 1)

  for (const path of ['/changes?since=0', `/changes?since=${first - 2}`, '/changes?since=0&tag=even', '/changes?since=0&block=5']) {
    const response = await app.inject(path)
    assertGone(t, response.json(), first, path)
    t.equal(response.headers.link, '</snapshot>; rel="alternate"')
  }
  assertGone(t, (await app.inject(`/changes/${first - 1}`)).json(), first, 'one change')
  for (const framing of ['sse', 'ndjson'] as const) {
    const refused: unknown = await StreamReader.open(t, `${url}/changes?since=0`, { framing }).catch((error) => error)
    t.ok(refused instanceof Refused)
    assertGone(t, (refused as Refused).problem, first, framing)
  }
})

t.test('What is kept is whole: pages, tags, streams and single changes', async (t) => {
  const { app, url } = await trimmed(t)
  const { firstRevision: first, revision: last } = app.database
  const expected = Array.from({ length: kept }, (_, at) => first + at)
  const page = (await app.inject(`/changes?since=${first - 1}&limit=1000`)).json<{ changes: HistoryChange[], atStart: boolean }>()
  t.same(page.changes.map(({ revision }) => revision), expected)
  t.equal(page.atStart, true)
  t.equal((await app.inject(`/changes?since=${first}`)).json<{ atStart: boolean }>().atStart, false)
  const tagged = (await app.inject(`/changes?since=${first - 1}&limit=1000&tag=even`)).json<{ changes: HistoryChange[] }>()
  t.same(tagged.changes.map(({ revision }) => revision), expected.filter((revision) => revision % 2 === 0))
  const reader = await StreamReader.open(t, `${url}/changes`, { framing: 'sse', since: first - 1 })
  await until(() => reader.changes.length === kept, 'the stream')
  t.same(reader.revisions, expected)
  t.equal((await app.inject(`/changes/${first}`)).json<HistoryChange>().revision, first)
  t.equal((await app.inject(`/changes/${last}`)).json<HistoryChange>().revision, last)
})

t.test('Keys and the feeds of tenants stay whole when history goes', async (t) => {
  const { app } = await trimmed(t)
  const { keys } = (await app.inject('/tenants/a/collections/c/keys')).json<{ keys: Array<{ key: string }> }>()
  t.same(keys.map(({ key }) => key), ['old'])
  const { changes } = (await app.inject('/tenants/a/changes?since=0')).json<{ changes: HistoryChange[] }>()
  t.same(changes.map(({ type, key }) => key ?? type), ['tenant-create', 'collection-create', 'old'])
})

t.test('A stream that stands still while its history goes ends with the reason, as an event of its own', async (t) => {
  for (const accept of ['text/event-stream', 'application/x-ndjson']) {
    const { app, url } = await listeningNode(t, { feedTailBytesMax: 64 * 1024, streamBufferBytesMax: 64 * 1024 })
    const slow = new SlowReader(t, url, '/changes?since=0', accept)
    await until(() => app.feed.streams === 1, 'the stream')
    // More than the buffers between take.
    for (let at = 0; at < 400; at++) await post(app, '/changes', { data: 'x'.repeat(40_000) })
    await keep(app, kept)
    slow.read()
    await until(() => app.feed.ended.problem === 1, 'the stream to end')
    await until(() => slow.text.includes('HISTORY_GONE'), 'the reason')
    const { revisions, text } = slow
    t.same(revisions, Array.from(revisions, (_, at) => at + 1), 'no gap in what came before it')
    t.ok(revisions.length < app.database.firstRevision - 1)
    const body = text.slice(text.lastIndexOf('{"type"'), text.lastIndexOf('}') + (accept.includes('ndjson') ? 0 : 1))
    assertGone(t, JSON.parse(body) as ProblemBody, app.database.firstRevision, accept)
    if (accept === 'text/event-stream') t.match(text, /\nevent: problem\ndata: \{"type"/)
    else t.match(text, /\n\{"problem":\{"type"/)
    t.ok(text.endsWith('\r\n0\r\n\r\n'), 'the response is whole')
  }
})

t.test('History stays gone after a restart, and after keeping more again', async (t) => {
  const dataDir = folder(t)
  const { app } = await trimmed(t, dataDir)
  const first = app.database.firstRevision
  await app.close()
  const again = await buildNode(t, { dataDir })
  t.match((await again.inject('/cluster/settings')).json(), { historyChanges: kept })
  assertGone(t, (await again.inject('/changes?since=0')).json(), first, 'after a restart')
  await settings(again, { historyChanges: null })
  for (let at = 0; at < kept; at++) await post(again, '/changes', { data: at })
  t.equal(again.database.firstRevision, first)
  assertGone(t, (await again.inject('/changes?since=0')).json(), first, 'although all is kept now')
  const { changes } = (await again.inject(`/changes?since=${first - 1}&limit=1000`)).json<{ changes: HistoryChange[] }>()
  t.equal(changes.length, kept * 2)
})

t.test('Readers at the live end notice nothing of the history that goes', async (t) => {
  const { app, url } = await listeningNode(t)
  const reader = await StreamReader.open(t, `${url}/changes`, { framing: 'sse', since: 0 })
  await settings(app, { historyChanges: 1 })
  for (let at = 0; at < written; at++) await post(app, '/changes', { data: at })
  await until(() => app.database.firstRevision > 1, 'the history to go')
  await until(() => reader.changes.length === written, 'all changes')
  t.same(reader.revisions, Array.from({ length: written }, (_, at) => at + 1))
  t.equal(reader.problem, null)
})

/** A node that keeps little history and has written more. What it has in memory is little too. */
async function trimmed (t: Test, dataDir = folder(t)): Promise<{ app: FastifyInstance, url: string }> {
  const node = await listeningNode(t, { dataDir, feedTailBytesMax: 64 * 1024 })
  const { app } = node
  await post(app, '/tenants', { name: 'a' })
  await post(app, '/tenants/a/collections', { name: 'c' })
  await post(app, '/changes', { tenant: 'a', collection: 'c', key: 'old', data: 1 })
  for (let at = 3; at < written; at++) {
    await post(app, '/changes', { data: 'x'.repeat(2000), tags: at % 2 === 0 ? ['odd'] : ['even'] })
  }
  await keep(app, kept)
  return node
}

async function keep (app: FastifyInstance, historyChanges: number): Promise<void> {
  await settings(app, { historyChanges })
  const { database } = app
  await until(() => database.firstRevision === database.revision - historyChanges + 1, 'the history to go')
}

async function settings (app: FastifyInstance, payload: { historyChanges: number | null }): Promise<void> {
  const { statusCode, body } = await app.inject({ method: 'PUT', url: '/cluster/settings', payload })
  if (statusCode !== 200) throw new Error(body)
}

function assertGone (t: Test, problem: ProblemBody, firstRevision: number, what: string): void {
  t.match(problem, { status: 410, code: 'HISTORY_GONE', firstRevision, detail: /snapshot/ }, what)
}
