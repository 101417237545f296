import { test, type Test } from 'tap'
import { Client } from '../api/client.ts'
import { StreamReader } from '../feeds/stream-reader.ts'
import { SlowReader } from '../feeds/slow-reader.ts'
import { listeningNode, until } from '../support/node.ts'
import { basic, bearer, files, passwordLine, tokenOf, type Files } from './files.ts'

const policy = {
  identities: { all: { read: ['*'], write: ['*'] }, ann: { read: ['coke'] }, bob: { read: ['coke'] }, wide: { read: ['*'] } },
}

const all = bearer('all')

interface World {
  client: Client
  url: string
  write: Files['write']
  /** An open stream that has got all that there was for it. */
  follow: (headers: { authorization: string }, query?: string) => Promise<StreamReader>
}

async function world (t: Test): Promise<World> {
  const { config, write } = files(t, { users: ['ann', 'bob'], tokens: ['all', 'ann', 'wide'], policy })
  const { app, url } = await listeningNode(t, { logSegmentBytes: 256 * 1024, ...config })
  const client = new Client(app)
  for (const name of ['coke', 'coke/eu', 'pepsi']) await client.post('/tenants', { name }, all)
  async function follow (headers: { authorization: string }, query = ''): Promise<StreamReader> {
    const reader = await StreamReader.open(t, `${url}/changes${query}`, { framing: 'sse', ...headers })
    await until(() => reader.changes.length >= 2, 'the stream')
    return reader
  }
  return { client, url, write, follow }
}

function withRights (identity: string, rights: object): string {
  return JSON.stringify({ identities: { ...policy.identities, [identity]: rights } })
}

async function isLost (t: Test, reader: StreamReader, identity: string): Promise<void> {
  t.equal(await reader.ended, true, 'it ended rather than broke')
  t.match(reader.problem, { code: 'RIGHTS_CHANGED', identity })
}

test('streams end when the rights of their reader change, and those of others go on', async (t) => {
  const { client, write, follow } = await world(t)
  const lost = [await follow(bearer('ann')), await follow(basic('ann')), await follow(bearer('ann'), '?tenant=coke&descendants=true')]
  const kept = [await follow(basic('bob')), await follow(bearer('wide'))]
  write('policy', withRights('ann', { read: ['coke/eu'] }))
  await client.app.access.reload()
  for (const reader of lost) await isLost(t, reader, 'ann')
  const { body } = await client.post('/changes', { tenant: 'coke', data: 1 }, all)
  await until(() => kept.every(({ revisions }) => revisions.includes(body.revision)), 'the others to go on')
  t.equal(client.app.feed.streams, kept.length)
  t.notOk(lost.some(({ revisions }) => revisions.includes(body.revision)))
  t.equal((await client.get('/changes?tenant=coke', bearer('ann'))).status, 403, 'who comes again has the new rights')
  t.equal((await client.get('/changes?tenant=coke%2Feu', bearer('ann'))).status, 200)
})

test('streams end also when their reader may see more: what it has is no longer all', async (t) => {
  const { client, write, follow } = await world(t)
  const reader = await follow(bearer('ann'))
  write('policy', withRights('ann', { read: ['coke', 'pepsi'] }))
  await client.app.access.reload()
  await isLost(t, reader, 'ann')
})

test('streams end when the password or the token with which they were opened holds no more', async (t) => {
  const { client, write, follow } = await world(t)
  const [byPassword, byToken, bob] = [await follow(basic('ann')), await follow(bearer('ann')), await follow(basic('bob'))]
  write('passwords', passwordLine('ann', 'new'))
  await client.app.access.reload()
  await isLost(t, byPassword, 'ann')
  await isLost(t, bob, 'bob')
  t.equal((await client.get('/changes', basic('ann'))).status, 401, 'what was remembered of the old password is not used')
  t.equal((await client.get('/changes', basic('ann', 'new'))).status, 200)
  t.equal(client.app.feed.streams, 1, 'by her token she goes on')
  write('tokens', `${tokenOf('all')} all\n`)
  await client.app.access.reload()
  await isLost(t, byToken, 'ann')
  t.equal((await client.get('/changes', bearer('ann'))).status, 401)
})

test('a file that is written anew with the same rights ends nothing', async (t) => {
  const { client, write, follow } = await world(t)
  const reader = await follow(bearer('ann'))
  write('policy', JSON.stringify(policy, null, 2))
  await client.app.access.reload()
  const { body } = await client.post('/changes', { tenant: 'coke', data: 1 }, all)
  await until(() => reader.revisions.includes(body.revision), 'the stream to go on')
})

test('a reader that takes nothing is ended too', async (t) => {
  const { client, url, write } = await world(t)
  // Its reader never reads.
  // eslint-disable-next-line no-new
  new SlowReader(t, url, '/changes', `text/event-stream\r\nauthorization: ${bearer('ann').authorization}`)
  await until(() => client.app.feed.streams === 1, 'the stream')
  for (let change = 0; change < 40; change++) await client.post('/changes', { tenant: 'coke', data: 'x'.repeat(200_000) }, all)
  write('policy', withRights('ann', {}))
  await client.app.access.reload()
  t.equal(client.app.feed.streams, 0)
})

test('long polls end when rights change', async (t) => {
  const { client, write } = await world(t)
  const since = await client.revision()
  const polls = ['ann', 'wide'].map((name) => client.get(`/changes?since=${since}&block=60`, bearer(name)))
  await until(() => client.app.feed.waiters.size === 2, 'the readers to wait')
  write('policy', withRights('ann', {}))
  await client.app.access.reload()
  t.match(await polls[0], { status: 409, body: { code: 'RIGHTS_CHANGED', identity: 'ann' } })
  const { body } = await client.post('/changes', { data: 1 }, all)
  t.match((await polls[1]!).body, { changes: [{ revision: body.revision }] }, 'others still wait')
})

test('a tenant that is made under a granted name is seen from its first change on', async (t) => {
  const { client, follow, write } = await world(t)
  write('policy', withRights('ann', { read: ['coke', 'fanta', 'sprite/eu'] }))
  await client.app.access.reload()
  const reader = await follow(bearer('ann'))
  const poll = client.get(`/changes?since=${await client.revision()}&block=60`, bearer('ann'))
  await until(() => client.app.feed.waiters.size === 1, 'the reader to wait')
  for (const name of ['mirinda', 'fanta', 'sprite', 'sprite/eu', 'sprite/us']) await client.post('/tenants', { name }, all)
  await client.post('/changes', { tenant: 'fanta', data: 1 }, all)
  const last = (await client.post('/changes', { tenant: 'sprite/eu', data: 1 }, all)).body.revision
  await until(() => reader.revisions.includes(last), 'the stream')
  t.same(reader.changes.slice(2).map(({ type, tenant }) => `${type} ${tenant}`),
    ['tenant-create fanta', 'tenant-create sprite/eu', 'put fanta', 'put sprite/eu'])
  t.match((await poll).body.changes, [{ type: 'tenant-create', tenant: 'fanta' }])
})

test('the deletion of a tenant is told, and one of the same name made later is followed', async (t) => {
  const { client, follow } = await world(t)
  const reader = await follow(bearer('ann'))
  await client.delete('/tenants/coke?recursive=true', all)
  await client.post('/tenants', { name: 'coke' }, all)
  const { body } = await client.post('/changes', { tenant: 'coke', data: 1 }, all)
  await until(() => reader.revisions.includes(body.revision), 'the stream')
  t.same(reader.changes.map(({ type, tenant }) => `${type} ${tenant}`), [
    'tenant-create coke', 'tenant-create coke/eu', 'tenant-delete coke/eu', 'tenant-delete coke', 'tenant-create coke', 'put coke',
  ])
})

test('a rename that takes a tenant away ends the streams of who sees it no more, before what comes then', async (t) => {
  const { client, follow } = await world(t)
  const lost = [await follow(bearer('ann')), await follow(bearer('ann'), '?tenant=coke&descendants=true')]
  const kept = await follow(bearer('wide'))
  await client.put('/tenants/coke', { name: 'sprite' }, all)
  const { body } = await client.post('/changes', { tenant: 'sprite', data: 'hidden' }, all)
  for (const reader of lost) {
    await isLost(t, reader, 'ann')
    t.equal(reader.changes.length, 2)
  }
  await until(() => kept.revisions.includes(body.revision), 'who sees everything goes on')
  t.equal((await client.get('/tenants/coke', bearer('ann'))).status, 404, 'her right on the name stays')
  t.equal((await client.get('/tenants/sprite', bearer('ann'))).status, 403)
})

test('a rename that brings a tenant in ends the stream: its earlier changes did not come', async (t) => {
  const { client, url, follow, write } = await world(t)
  write('policy', withRights('ann', { read: ['coke', 'fanta', 'sprite/eu'] }))
  await client.app.access.reload()
  const before = await follow(bearer('ann'))
  await client.put('/tenants/pepsi', { name: 'fanta' }, all)
  await isLost(t, before, 'ann')
  const copy = await client.get('/snapshot', bearer('ann'))
  t.match(copy.text, /"name":"fanta"/)
  const since = Number(/\d+/.exec(String(copy.headers.etag)))
  const after = await StreamReader.open(t, `${url}/changes`, { framing: 'sse', since, ...bearer('ann') })
  await client.post('/tenants', { name: 'mirinda' }, all)
  await client.post('/tenants', { name: 'mirinda/eu' }, all)
  await client.put('/tenants/mirinda', { name: 'sprite' }, all)
  await isLost(t, after, 'ann')
})

test('a snapshot on its way is cut off when the rights of its taker change', async (t) => {
  const { client, url, write } = await world(t)
  await client.post('/tenants/coke/collections', { name: 'c' }, all)
  for (let key = 0; key < 60; key++) await client.put(`/tenants/coke/collections/c/keys/${key}`, { data: 'x'.repeat(200_000) }, all)
  const slow = new SlowReader(t, url, '/snapshot', `*/*\r\nauthorization: ${bearer('ann').authorization}`)
  slow.socket.once('data', () => slow.socket.pause())
  slow.read()
  await until(() => slow.text !== '', 'the snapshot')
  write('policy', withRights('ann', {}))
  await client.app.access.reload()
  slow.read()
  await slow.closed
  t.match(slow.text, '{"dump":{')
  t.notOk(slow.text.includes('{"end":'), 'it broke off')
})
