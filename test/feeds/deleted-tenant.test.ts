import t from 'tap'
import { listeningNode, until } from '../support/node.ts'
import { SlowReader } from './slow-reader.ts'
import { StreamReader } from './stream-reader.ts'
import { post } from './world.ts'

const framings = ['sse', 'ndjson'] as const

t.test('A stream of a tenant that is deleted gets the deletion, and ends as a page would', async (t) => {
  const { app, url } = await listeningNode(t)
  for (const name of ['a', 'a/b', 'other']) await post(app, '/tenants', { name })
  const open = (path: string) => framings.map((framing) => StreamReader.open(t, url + path, { framing }))
  const doomed = await Promise.all([
    ...open('/tenants/a/changes'), ...open('/tenants/a%2Fb/changes'), ...open('/changes?tenant=a'),
  ])
  const others = await Promise.all([...open('/tenants/other/changes'), ...open('/changes?tenant=other')])
  await until(() => [...doomed, ...others].every(({ changes }) => changes.length > 0), 'the streams')

  const deleted = await app.inject({ method: 'DELETE', url: '/tenants/a?recursive=true' })
  t.equal(deleted.statusCode, 200, deleted.body)
  for (const reader of doomed) {
    t.equal(await reader.ended, true, 'it ended rather than broke')
    t.same(reader.changes.map(({ type }) => type), ['tenant-create', 'tenant-delete'])
    const { tenant } = reader.changes[0]!
    t.match(reader.problem, { status: 404, code: 'TENANT_NOT_FOUND', tenant })
    t.equal(reader.changes[1]!.tenant, tenant)
    t.match((await app.inject(`/tenants/${encodeURIComponent(tenant!)}/changes`)).json(), reader.problem, 'what a page says')
  }
  t.equal(app.feed.ended.problem, doomed.length)

  await post(app, '/tenants', { name: 'a' })
  await post(app, '/changes', { tenant: 'other' })
  await until(() => others.every(({ changes }) => changes.length === 2), 'the other tenant\'s streams to go on')
  t.ok(others.every(({ problem }) => problem === null))
  t.equal(app.feed.streams, others.length)
})

t.test('A stream that names what is deleted ends, whatever else it filters by', async (t) => {
  const { app, url } = await listeningNode(t)
  for (const name of ['a', 'a/b']) await post(app, '/tenants', { name })
  for (const name of ['c', 'kept']) await post(app, '/tenants/a/collections', { name })
  const open = (query: string) => Promise.all(framings.map((framing) => (
    StreamReader.open(t, `${url}/changes?${query}`, { framing }))))
  const ofCollection = [...await open('tenant=a&collection=c'), ...await open('tenant=a&collection=c&key=k')]
  const ofKept = await open('tenant=a&collection=kept')
  const ofTenant = [...await open('tenant=a&descendants=true'), ...await open('tenant=a&tag=never')]
  await until(() => app.feed.streams === 10, 'the streams')

  t.equal((await app.inject({ method: 'DELETE', url: '/tenants/a/collections/c' })).statusCode, 200)
  for (const reader of ofCollection) {
    t.equal(await reader.ended, true, 'it ended rather than broke')
    t.equal(reader.changes.at(-1)!.type, 'collection-delete')
    t.match(reader.problem, { status: 404, code: 'COLLECTION_NOT_FOUND', tenant: 'a', collection: 'c' })
  }
  await post(app, '/tenants/a/collections', { name: 'c' })
  t.equal(app.feed.streams, 6)

  t.equal((await app.inject({ method: 'DELETE', url: '/tenants/a?recursive=true' })).statusCode, 200)
  for (const reader of [...ofTenant, ...ofKept]) {
    t.equal(await reader.ended, true, 'it ended rather than broke')
    t.match(reader.problem, { status: 404, code: 'TENANT_NOT_FOUND' })
  }
  t.match(ofTenant[0]!.changes.slice(-2).map(({ type }) => type), ['tenant-delete', 'tenant-delete'])
})

t.test('A reader who is slow when its tenant is deleted still gets the deletion and the reason', async (t) => {
  const { app, url } = await listeningNode(t, { streamBufferBytesMax: 64 * 1024 })
  await post(app, '/tenants', { name: 'a' })
  const slow = new SlowReader(t, url, '/tenants/a/changes', 'application/x-ndjson')
  await until(() => app.feed.streams === 1, 'the stream')
  // More than the buffers between take, and less than the node has in memory.
  for (let at = 0; at < 400; at++) await post(app, '/changes', { tenant: 'a', data: 'x'.repeat(40_000) })
  const deleted = await app.inject({ method: 'DELETE', url: '/tenants/a' })
  t.equal(deleted.statusCode, 200, deleted.body)
  slow.read()
  await until(() => slow.text.endsWith('\r\n0\r\n\r\n'), 'the whole response')
  t.same(slow.revisions, Array.from({ length: 402 }, (_, at) => at + 1), 'all of it, without a gap')
  t.match(slow.text, /\n\{"problem":\{"type":[^\n]*"code":"TENANT_NOT_FOUND"/)
})
