import { test, type Test } from 'tap'
import { Client } from '../api/client.ts'
import { StreamReader } from '../feeds/stream-reader.ts'
import { listeningNode, until } from '../support/node.ts'
import type { Config } from '../../app/config.ts'
import { bearer, files, tokenOf, type Files } from './files.ts'

// Readers that come back, or have waited, when what they may see has changed meanwhile.

const policy = { identities: { all: { read: ['*'], write: ['*'] }, ann: { read: ['coke'] }, deep: { read: ['coke/eu'] } } }

const [all, ann] = [bearer('all'), bearer('ann')]

interface World {
  client: Client
  url: string
  write: Files['write']
}

async function world (t: Test, overrides: Partial<Config> = {}): Promise<World> {
  const { config, write } = files(t, { tokens: ['all', 'ann', 'deep'], policy })
  const { app, url } = await listeningNode(t, { ...config, leaderWaitSeconds: 60, ...overrides })
  const client = new Client(app)
  for (const name of ['coke', 'coke/eu', 'pepsi']) await client.post('/tenants', { name }, all)
  return { client, url, write }
}

function kinds ({ body }: { body: { changes: { type: string, tenant: string }[] } }): string[] {
  return body.changes.map(({ type, tenant }) => `${type} ${tenant}`)
}

for (const [from, tail] of [['memory', {}], ['the disk', { feedTailBytesMax: 1 }]] as const) {
  test(`who comes back is told of a deletion, from ${from}`, async (t) => {
    const { client } = await world(t, tail)
    const since = await client.revision()
    await client.delete('/tenants/coke?recursive=true', all)
    await client.post('/tenants', { name: 'coke' }, all)
    t.same(kinds(await client.get(`/changes?since=${since}`, ann)), ['tenant-delete coke/eu', 'tenant-delete coke', 'tenant-create coke'])
  })

  test(`who comes back is told of a rename across the border of what it may see, whatever it filters by, from ${from}`, async (t) => {
    const { client, url } = await world(t, tail)
    const write = async (tenant: string): Promise<number> => (await client.post('/changes', { tenant, tags: ['red'] }, all)).body.revision
    const seen = await write('coke')
    const away = (await client.put('/tenants/coke', { name: 'vault' }, all)).body.revision
    await write('vault')
    const into = (await client.put('/tenants/pepsi', { name: 'coke' }, all)).body.revision
    const last = await write('coke')
    for (const filter of ['', '&tag=red', '&tag=nobody']) {
      const told = (revision: number) => ({ status: 409, body: { code: 'RIGHTS_CHANGED', identity: 'ann', detail: new RegExp(`The change ${revision} renames`) } })
      for (const name of ['ann', 'deep']) {
        const answer = await client.get(`/changes?since=${seen}${filter}`, bearer(name))
        t.match(answer, { status: 409, body: { code: 'RIGHTS_CHANGED' } }, `${name}${filter}`)
        t.notMatch(answer.text, /vault|pepsi/)
      }
      t.match(await client.get(`/changes?since=${seen}${filter}`, ann), told(away))
      t.match(await client.get(`/changes?since=${away}${filter}`, ann), told(into))
      const reader = await StreamReader.open(t, `${url}/changes?since=${seen}${filter}`, { framing: 'ndjson', ...ann })
      t.equal(await reader.ended, true)
      t.match(reader.problem, { code: 'RIGHTS_CHANGED' })
      t.same(reader.changes, [])
    }
    t.match((await client.get('/changes?since=0', ann)).body, { lastRevision: away - 1, atEnd: false }, 'what was before it comes first')
    t.same((await client.get(`/changes?since=${into}`, ann)).body.changes.map(({ revision }: { revision: number }) => revision), [last])
    t.equal((await client.get(`/changes/${away}`, ann)).status, 403, 'neither name of the rename is told')
    t.same(kinds(await client.get(`/changes?since=${seen}`, all)), ['tenant-rename vault', 'put vault', 'tenant-rename coke', 'put coke'])
  })
}

test('a rename within what a reader may see, or elsewhere, is no border', async (t) => {
  const { client } = await world(t)
  const since = await client.revision()
  await client.put('/tenants/coke%2Feu', { name: 'coke/us' }, all)
  await client.put('/tenants/pepsi', { name: 'fanta' }, all)
  await client.put('/tenants/coke', { name: 'coke', tags: ['same'] }, all)
  t.same(kinds(await client.get(`/changes?since=${since}`, ann)), ['tenant-rename coke/us', 'tenant-rename coke'])
})

test('the mark that came with a copy is refused once its reader may see something else', async (t) => {
  const { client, write } = await world(t)
  const marked = async (identity: string): Promise<string> => {
    const [page, copy] = [await client.get('/changes', bearer(identity)), await client.get('/snapshot', bearer(identity))]
    t.equal(page.headers['changewell-rights'], copy.headers['changewell-rights'])
    return String(page.headers['changewell-rights'])
  }
  const [before, others] = [await marked('ann'), await marked('all')]
  const back = (mark: string, identity = 'ann') => client.get('/changes', { ...bearer(identity), 'changewell-rights': mark })
  t.equal((await back(before)).status, 200)
  t.match(await back(others), { status: 409, body: { code: 'RIGHTS_CHANGED', identity: 'ann' } })
  write('policy', JSON.stringify({ identities: { ...policy.identities, ann: { read: ['pepsi', 'coke'] } } }))
  await client.app.access.reload()
  t.match(await back(before), { status: 409, body: { code: 'RIGHTS_CHANGED', identity: 'ann' } }, 'more')
  t.equal((await back(others, 'all')).status, 200, 'of others nothing has changed')
  t.equal((await client.get('/tenants/coke/changes', { ...ann, 'changewell-rights': before })).status, 200, 'a tenant is seen whole or not at all')
})

test('who has waited for a revision may see what it may see by then', async (t) => {
  const { client, write } = await world(t)
  const id = (await client.get('/tenants/coke', all)).body.id as string
  const next = String(await client.revision() + 1)
  const paths = ['/changes', '/tenants/coke/changes', `/tenants/${id}/changes`, '/snapshot', '/tenants/coke', '/tenants', '/changes/1']
  const headers = { ...ann, 'changewell-min-revision': next }
  const waiting = [
    ...paths.map((path) => client.get(path, headers)),
    ...paths.slice(0, 3).map((path) => client.get(path, { ...headers, accept: 'application/x-ndjson' })),
  ]
  await until(() => client.app.feed.waiters.size === waiting.length, 'them to wait')
  write('policy', JSON.stringify({ identities: { all: policy.identities.all, ann: { read: ['elsewhere'] } } }))
  await client.app.access.reload()
  await client.post('/changes', { tenant: 'coke', data: 'hidden' }, all)
  // One of them is a stream that goes on, with nothing in it.
  await until(() => client.app.feed.streams === 1, 'the others to be answered')
  write('policy', JSON.stringify({ identities: { all: policy.identities.all } }))
  await client.app.access.reload()
  for (const { status, text } of await Promise.all(waiting)) {
    t.ok([200, 403, 409].includes(status), String(status))
    t.notMatch(text, /hidden|"id":"1"|"revision":1,/)
  }
})

test('who reads by id what was renamed while it waited is refused', async (t) => {
  const { client } = await world(t)
  const id = (await client.get('/tenants/coke', all)).body.id as string
  const next = String(await client.revision() + 1)
  const waiting = [`/tenants/${id}/changes`, `/changes?tenant=${id}`]
    .map((path) => client.get(path, { ...ann, 'changewell-min-revision': next }))
  await until(() => client.app.feed.waiters.size === waiting.length, 'them to wait')
  await client.put('/tenants/coke', { name: 'vault' }, all)
  for (const { status, text } of await Promise.all(waiting)) {
    t.ok(status === 403 || status === 409, String(status))
    t.notMatch(text, /vault/)
  }
})

test('a write whose sender has lost its credentials or rights while it waited is refused', async (t) => {
  const policies = { identities: { ...policy.identities, ann: { write: ['coke'] } } }
  const { client, write } = await world(t)
  write('policy', JSON.stringify(policies))
  await client.app.access.reload()
  const next = String(await client.revision() + 1)
  const send = () => client.post('/changes', { tenant: 'coke' }, { ...ann, 'changewell-min-revision': next })
  const byRights = send()
  await until(() => client.app.feed.waiters.size === 1, 'it to wait')
  write('policy', JSON.stringify({ identities: { ...policies.identities, ann: { write: ['pepsi'] } } }))
  await client.app.access.reload()
  await until(() => client.app.feed.waiters.size === 1, 'it to wait on')
  await client.post('/changes', {}, all)
  t.equal((await byRights).status, 403)
})

test('who looks after the cluster may do so no more once it has lost the role while it waited', async (t) => {
  const { client, write } = await world(t)
  write('policy', JSON.stringify({ identities: { ...policy.identities, ann: { admin: true } } }))
  await client.app.access.reload()
  const headers = { ...ann, 'changewell-min-revision': String(await client.revision() + 1) }
  const waiting = [client.put('/cluster/settings', { electionMs: 2000 }, headers), client.get('/cluster/settings', headers), client.get('/locks', headers)]
  await until(() => client.app.feed.waiters.size === waiting.length, 'them to wait')
  write('policy', JSON.stringify(policy))
  await client.app.access.reload()
  await until(() => client.app.feed.waiters.size === waiting.length, 'them to wait on')
  await client.post('/changes', {}, all)
  for (const { status } of await Promise.all(waiting)) t.equal(status, 403)
})

test('a copy of a tenant that was renamed while its taker waited is not made', async (t) => {
  const { client } = await world(t)
  const id = (await client.get('/tenants/coke', all)).body.id as string
  const { raft } = client.app
  const { readBarrier } = raft
  raft.readBarrier = async () => {
    await client.put('/tenants/coke', { name: 'vault' }, all)
    return await readBarrier.call(raft)
  }
  const { status, text } = await client.get(`/snapshot?tenant=${id}`, ann)
  t.equal(status, 404)
  t.notMatch(text, /vault/)
})

test('a write whose token was taken away while it waited is refused', async (t) => {
  const { client, write } = await world(t)
  write('policy', JSON.stringify({ identities: { ...policy.identities, ann: { write: ['coke'] } } }))
  await client.app.access.reload()
  const next = String(await client.revision() + 1)
  const waiting = client.post('/changes', { tenant: 'coke' }, { ...ann, 'changewell-min-revision': next })
  await until(() => client.app.feed.waiters.size === 1, 'it to wait')
  write('tokens', `${tokenOf('all')} all\n`)
  await client.app.access.reload()
  await client.post('/changes', {}, all)
  t.match(await waiting, { status: 401, body: { code: 'UNAUTHENTICATED' } })
})
