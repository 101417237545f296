import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { Feed } from '../../plugins/changes/feed.ts'
import type { Source } from '../../plugins/changes/source.ts'
import { Database } from '../../storage/database.ts'
import { Problem } from '../../storage/problem.ts'
import type { Command, WriteCommand } from '../../storage/types.ts'
import { applyAll, imageChunks, streamed } from '../support/filled-database.ts'
import { MemoryStore } from '../support/memory-store.ts'
import { listeningNode, until } from '../support/node.ts'
import { SlowReader } from './slow-reader.ts'
import { StreamReader } from './stream-reader.ts'
import { post } from './world.ts'

// A snapshot brings a node changes that it never applied: its followers must get them all the same.

const framings = ['sse', 'ndjson'] as const

/** The database as another node has it, which has gone on meanwhile. */
async function ahead (app: FastifyInstance, commands: Command[]): Promise<Database> {
  const other = await Database.open(new MemoryStore())
  await other.restore(streamed(await imageChunks(app.database)))
  await applyAll(other, commands)
  return other
}

async function install (app: FastifyInstance, other: Database): Promise<void> {
  await app.database.restore(streamed(await imageChunks(other)))
}

function put (key: string, data = 1 as unknown): WriteCommand {
  return {
    kind: 'write',
    timestamp: 1,
    compare: [],
    then: [{ type: 'put', tenant: 'a', collection: 'c', key, tags: ['red'], data: Buffer.from(JSON.stringify(data)) }],
  }
}

const trim: Command = { kind: 'trim', timestamp: 1, firstRevision: 20 }

async function stocked (t: Test, overrides = {}): Promise<{ app: FastifyInstance, url: string }> {
  const node = await listeningNode(t, overrides)
  await post(node.app, '/tenants', { name: 'a' })
  await post(node.app, '/tenants/a/collections', { name: 'c' })
  await post(node.app, '/changes', { tenant: 'a', collection: 'c', key: 'k', data: 0 })
  return node
}

function range (from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at)
}

t.test('Streams go on through a snapshot without a gap, and long polls get what it brought', async (t) => {
  const { app, url } = await stocked(t)
  const open = (path: string) => framings.map((framing) => StreamReader.open(t, url + path, { framing }))
  const everything = await Promise.all([
    ...open('/changes'), ...open('/changes?tenant=a'), ...open('/tenants/a/changes'),
  ])
  const tagged = await Promise.all(open('/changes?tag=red'))
  const ofKey = await Promise.all(open('/changes?tenant=a&collection=c&key=k7'))
  await until(() => app.feed.streams === 10 && everything.every(({ changes }) => changes.length === 3), 'the streams')
  const poll = app.inject('/changes?since=3&block=30')
  const pollOfKey = app.inject('/changes?since=3&block=30&tenant=a&collection=c&key=k7')
  const pollOfOther = app.inject('/changes?since=3&block=30&tag=later')
  await until(() => app.feed.waiters.size === 3, 'the long polls')

  await install(app, await ahead(app, range(4, 40).map((at) => put(`k${at}`))))
  t.same({ first: app.feed.tail.firstRevision, last: app.feed.tail.lastRevision, bytes: app.feed.tail.bytes },
    { first: 41, last: 40, bytes: 0 }, 'nothing in memory, and at its end')
  const revisions = async (answer: Promise<{ json: () => any }>): Promise<number[]> => (
    (await answer).json().changes.map(({ revision }: { revision: number }) => revision))
  t.same(await revisions(poll), range(4, 40))
  t.same(await revisions(pollOfKey), [7])
  await until(() => everything.every(({ changes }) => changes.length === 40), 'what the snapshot brought')
  for (const reader of everything) t.same(reader.revisions, range(1, 40))
  const haveCome = (readers: StreamReader[], count: number): boolean => (
    readers.every(({ changes }) => changes.length === count))
  await until(() => haveCome(tagged, 37) && haveCome(ofKey, 3), 'what it brought for filters')
  for (const reader of tagged) t.same(reader.revisions, range(4, 40))
  for (const reader of ofKey) t.same(reader.revisions, [1, 2, 7])

  await applyAll(app.database, [put('k7'), { ...put('k8'), then: [{ type: 'put', tags: ['later'] }] }])
  await until(() => haveCome(ofKey, 4), 'what is live again')
  for (const reader of everything.slice(0, 2)) {
    await until(() => haveCome([reader], 42), 'the newest')
    t.same(reader.revisions, range(1, 42))
  }
  t.same(await revisions(pollOfOther), [42], 'it waited on')
  t.equal(app.feed.streams, 10)
})

t.test('Who follows a history that the snapshot no longer has is told; a tenant\'s own feed goes on', async (t) => {
  const { app, url } = await stocked(t)
  const open = (path: string) => framings.map((framing) => StreamReader.open(t, url + path, { framing }))
  const ending = await Promise.all([...open('/changes'), ...open('/changes?tag=red'), ...open('/changes?tenant=a')])
  const tenants = await Promise.all(open('/tenants/a/changes'))
  await until(() => app.feed.streams === 8 && tenants.every(({ changes }) => changes.length === 3), 'the streams')
  const poll = app.inject('/changes?since=3&block=30')
  await until(() => app.feed.waiters.size === 1, 'the long poll')

  await install(app, await ahead(app, [...range(4, 40).map((at) => put(`k${at % 10}`)), trim]))
  for (const reader of ending) {
    t.equal(await reader.ended, true, 'it ended rather than broke')
    t.match(reader.problem, { status: 410, code: 'HISTORY_GONE', firstRevision: 20 })
    t.ok(reader.revisions.every((revision) => revision <= 3), 'nothing after the gap')
  }
  const answer = await poll
  t.match(answer.json(), { status: 410, code: 'HISTORY_GONE', firstRevision: 20 })
  await until(() => tenants.every(({ lastEventId }) => lastEventId === '40'), 'the tenant\'s feed')
  t.ok(tenants.every((reader) => reader.revisions.join() === [1, 2, 3, ...range(31, 40)].join()))
  t.equal(app.feed.streams, 2)
})

t.test('A stream whose tenant the snapshot no longer has gets its end, and why', async (t) => {
  const { app, url } = await stocked(t)
  const readers = await Promise.all(['/changes?tenant=a', '/tenants/a/changes'].flatMap((path) => (
    framings.map((framing) => StreamReader.open(t, url + path, { framing })))))
  await until(() => readers.every(({ changes }) => changes.length === 3), 'the streams')
  await install(app, await ahead(app, [
    { ...put('k'), then: [{ type: 'tenant-delete', tenant: 'a', recursive: true }] },
  ]))
  for (const [at, reader] of readers.entries()) {
    t.equal(await reader.ended, true, 'it ended rather than broke')
    t.match(reader.problem, { status: 404, code: 'TENANT_NOT_FOUND' })
    if (at < 2) t.equal(reader.changes.at(-1)!.type, 'tenant-delete')
  }
})

t.test('Streams that read from the disk when the snapshot comes go on after it', async (t) => {
  const { app, url } = await stocked(t, { feedTailBytesMax: 64 * 1024, streamBufferBytesMax: 4096 })
  await applyAll(app.database, range(4, 1000).map((at) => put(`k${at}`, 'x'.repeat(2000))))
  const other = await ahead(app, range(1001, 1500).map((at) => put(`k${at}`, 'x'.repeat(2000))))
  const fast = await Promise.all(framings.map((framing) => StreamReader.open(t, `${url}/changes`, { framing })))
  const slow = new SlowReader(t, url, '/changes', 'application/x-ndjson')
  await until(() => app.feed.streams === 3, 'the streams')
  const page = app.inject('/changes?limit=1000')
  const image = await imageChunks(other)
  async function * chunks (): AsyncGenerator<Buffer> {
    yield * image.slice(0, 2)
    const refused = await app.inject('/changes')
    t.match(refused.json(), { status: 503, code: 'NOT_READY' })
    slow.read()
    yield * image.slice(2)
  }
  await app.database.restore(chunks())
  const { statusCode, body } = await page
  t.ok(statusCode === 503 || (statusCode === 200 && JSON.parse(body).changes.length > 0), 'a page is whole or refused')
  await until(() => fast.every(({ changes }) => changes.length === 1500), 'all of it')
  for (const reader of fast) t.same(reader.revisions, range(1, 1500))
  await until(() => slow.revisions.at(-1) === 1500, 'the slow one')
  t.same(slow.revisions, range(1, 1500))
})

t.test('A stream goes on when a read ends that was under way while a snapshot came and was whole', async (t) => {
  const feed = new Feed({
    lastRevision: 5,
    tailBytesMax: 1000,
    blockedReadersMax: 1,
    streamsMax: 1,
    streamHeartbeatSeconds: 1000,
    streamStallSeconds: 1000,
    streamBufferBytesMax: 1000,
    isGuarded: false,
    renderProblem: () => Buffer.alloc(0),
  })
  t.teardown(() => feed.close())
  const reads: number[] = []
  let fail = (_error: Error): void => {}
  const source: Source = {
    isEverything: true,
    matches: () => true,
    over: () => null,
    firstRevision: 1,
    assertWhole: () => {},
    read: (since) => {
      reads.push(since)
      if (reads.length > 1) return Promise.resolve({ changes: [], lastRevision: 10 })
      return new Promise((_resolve, reject) => { fail = reject })
    },
  }
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  feed.open({ response, source, view: null, framing: 'sse', since: 3 })
  t.same(reads, [3])
  feed.restart(10)
  fail(new Problem('NOT_READY', { reason: 'a snapshot is being installed' }))
  await until(() => reads.length === 2, 'the second read')
  t.same(reads, [3, 3])
  t.same([feed.streams, feed.ended.problem], [1, 0])
})

t.test('A snapshot of an older state ends the streams that stand ahead of it', async (t) => {
  const { app, url } = await stocked(t)
  const older = await ahead(app, [])
  await applyAll(app.database, [put('x')])
  const readers = await Promise.all(framings.map((framing) => StreamReader.open(t, `${url}/changes`, { framing })))
  await until(() => readers.every(({ changes }) => changes.length === 4), 'the streams')
  await install(app, older)
  for (const reader of readers) {
    t.equal(await reader.ended, true, 'it ended rather than broke')
    t.match(reader.problem, { code: 'REVISION_AHEAD', since: 4, revision: 3 })
  }
})
