import { test, type Test } from 'tap'
import { Client, type Answer, type Headers } from '../api/client.ts'
import { StreamReader } from '../feeds/stream-reader.ts'
import { listeningNode, until } from '../support/node.ts'
import type { Config } from '../../app/config.ts'
import { bearer, files } from './files.ts'

const policy = {
  anonymous: { read: ['public'] },
  identities: {
    all: { read: ['*'], write: ['*'], admin: true },
    shop: { read: ['coke', 'pepsi/eu'] },
    deep: { read: ['coke/deployments'] },
    later: { read: ['fanta'] },
    writer: { write: ['coke'] },
  },
}

const all = bearer('all')

/** What each reader may see, told anew: a change's tenant is as it was named at the time, and nobody renames here. */
const sees: Record<string, RegExp> = {
  all: /^/,
  shop: /^(coke|pepsi\/eu|public)(\/|$)/,
  deep: /^(coke\/deployments|public)(\/|$)/,
  later: /^(fanta|public)(\/|$)/,
  writer: /^public(\/|$)/,
  anonymous: /^public(\/|$)/,
}

interface Change { revision: number, tenant?: string, data?: unknown }

const names = ['coke', 'coke/deployments', 'coke/deployments/eu', 'cokes', 'pepsi', 'pepsi/eu', 'pepsi/eu/west', 'public']

async function world (t: Test, overrides: Partial<Config> = {}): Promise<{ client: Client, url: string }> {
  const { config } = files(t, { tokens: Object.keys(policy.identities), policy })
  const { app, url } = await listeningNode(t, { logSegmentBytes: 256 * 1024, ...config, ...overrides })
  const client = new Client(app)
  for (const name of names) await client.post('/tenants', { name }, all)
  for (const tenant of names) {
    const path = `/tenants/${encodeURIComponent(tenant)}/collections`
    await client.post(path, { name: 'settings' }, all)
    await client.put(`${path}/settings/keys/k`, { data: `secret of ${tenant}`, tags: ['red'] }, all)
  }
  await client.post('/changes', { data: 'of no tenant', tags: ['red'] }, all)
  return { client, url }
}

function as (identity: string): { authorization?: string } {
  return identity === 'anonymous' ? {} : bearer(identity)
}

function mayBeSeen (identity: string, changes: Change[]): Change[] {
  return changes.filter(({ tenant }) => identity === 'all' || (tenant !== undefined && sees[identity]!.test(tenant)))
}

/** The whole feed by pages of the size. */
async function pagesOf (client: Client, query: string, headers: object, limit: number): Promise<Change[]> {
  const changes: Change[] = []
  let since = 0
  for (;;) {
    const { body } = await client.get(`/changes?since=${since}&limit=${limit}${query}`, headers as Record<string, string>)
    changes.push(...body.changes)
    if (body.atEnd === true) return changes
    since = body.lastRevision
  }
}

for (const [from, tail] of [['memory', {}], ['the disk', { feedTailBytesMax: 1 }]] as const) {
  test(`pages and streams from ${from} hold what their reader may see, all of it and nothing else`, async (t) => {
    const { client, url } = await world(t, tail)
    for (const identity of Object.keys(sees)) {
      const everything = await pagesOf(client, '', all, 100)
      t.ok(everything.length > names.length * 3)
      const wanted = mayBeSeen(identity, everything)
      for (const limit of [1, 3, 100]) t.same(await pagesOf(client, '', as(identity), limit), wanted, `${identity}, ${limit} a page`)
      const red = (change: Change): boolean => String(change.data).startsWith('secret') || change.data === 'of no tenant'
      t.same(await pagesOf(client, '&tag=red', as(identity), 100), wanted.filter(red), `${identity}, by tag`)
      for (const framing of ['sse', 'ndjson'] as const) {
        const reader = await StreamReader.open(t, `${url}/changes`, { framing, ...as(identity) })
        await until(() => reader.changes.length >= wanted.length, `${identity} to get what there is`)
        // What nobody but `all` may see, and then something for everybody: nothing comes in between.
        await client.post('/changes', { tenant: 'cokes', data: 'hidden' }, all)
        const { body } = await client.post('/changes', { tenant: 'public', data: 'seen' }, all)
        await until(() => reader.revisions.includes(body.revision), `${identity} to get what comes`)
        const more = await pagesOf(client, '', all, 1000)
        t.same(reader.changes, mayBeSeen(identity, more), `${identity}, ${framing}`)
        reader.close()
      }
    }
  })
}

test('a long poll wakes for what its reader may see alone', async (t) => {
  const { client } = await world(t)
  const since = await client.revision()
  const poll = client.get(`/changes?since=${since}&block=60`, bearer('shop'))
  await until(() => client.app.feed.waiters.size === 1, 'the reader to wait')
  await client.post('/changes', { tenant: 'pepsi', data: 'hidden' }, all)
  await client.post('/changes', { data: 'hidden' }, all)
  await client.post('/changes', { tenant: 'pepsi/eu', data: 'seen' }, all)
  t.match((await poll).body, { changes: [{ revision: since + 3, data: 'seen' }], lastRevision: since + 3 })
  t.equal((await poll).body.changes.length, 1)
})

test('one change is shown to who may see it; the refusal tells nothing of it', async (t) => {
  const { client } = await world(t)
  const everything = await pagesOf(client, '', all, 100)
  for (const identity of Object.keys(sees)) {
    const wanted = new Set(mayBeSeen(identity, everything).map(({ revision }) => revision))
    for (const { revision } of everything) {
      const answer = await client.get(`/changes/${revision}`, as(identity) as Record<string, string>)
      const refusal = identity === 'anonymous' ? 401 : 403
      t.equal(answer.status, wanted.has(revision) ? 200 : refusal, `${identity} ${revision}`)
      if (answer.status !== 200) t.notMatch(answer.text, /coke|pepsi|settings|secret/)
    }
  }
})

test('lists of tenants hold what their reader may see, and pages of them too', async (t) => {
  const { client } = await world(t)
  for (const identity of Object.keys(sees)) {
    const wanted = names.filter((name) => sees[identity]!.test(name)).sort()
    const headers = as(identity) as Record<string, string>
    const whole = await client.get('/tenants', headers)
    t.same(whole.body.tenants.map(({ name }: { name: string }) => name), wanted, identity)
    t.equal(whole.body.next, null)
    const paged: string[] = []
    for (let after: string | null = ''; after !== null;) {
      const { body }: Answer = await client.get(`/tenants?limit=1&after=${encodeURIComponent(after)}`, headers)
      paged.push(...body.tenants.map(({ name }: { name: string }) => name))
      after = body.next
    }
    t.same(paged, wanted, `${identity}, one by one`)
  }
})

test('whether a tenant exists cannot be told by who may not see it', async (t) => {
  const { client } = await world(t)
  const ids = (await client.get('/tenants', all)).body.tenants as { id: string, name: string }[]
  const pepsi = ids.find(({ name }) => name === 'pepsi')!.id
  /** The answer with what was asked for taken out. */
  const told = async (path: (tenant: string) => string, tenant: string): Promise<string> => {
    const { status, text, headers } = await client.get(path(tenant), bearer('shop'))
    return JSON.stringify([status, text.replaceAll(JSON.stringify(tenant).slice(1, -1), 'IT').replaceAll(`\\"${tenant}\\"`, 'IT')
      .replace(/"instance":"[^"]*"/, ''), Object.keys(headers).sort()])
  }
  const paths: ((tenant: string) => string)[] = [
    (tenant) => `/tenants/${tenant}`, (tenant) => `/tenants/${tenant}/changes`, (tenant) => `/tenants/${tenant}/collections`,
    (tenant) => `/tenants/${tenant}/collections/settings`, (tenant) => `/tenants/${tenant}/collections/settings/keys`,
    (tenant) => `/tenants/${tenant}/collections/settings/keys/k`, (tenant) => `/changes?tenant=${tenant}`,
    (tenant) => `/changes?tenant=${tenant}&descendants=true`, (tenant) => `/changes?tenant=${tenant}&collection=settings`,
    (tenant) => `/tenants?parent=${tenant}`, (tenant) => `/snapshot?tenant=${tenant}`,
  ]
  for (const path of paths) {
    t.equal(await told(path, 'pepsi'), await told(path, 'nosuch'), path('pepsi'))
    t.equal(await told(path, pepsi), await told(path, '987654321'), path(pepsi))
    t.match(await told(path, 'pepsi'), /^\[403/)
  }
})

test('writes that are refused tell nothing of what they name, and do nothing', async (t) => {
  const { client } = await world(t)
  const key = (tenant: string) => ({ tenant, collection: 'settings', key: 'k' })
  const writer = bearer('writer')
  const before = await client.revision()
  const refusals: [Promise<Answer>, string, string | undefined, string | undefined][] = [
    [client.post('/changes', { changes: [key('coke'), key('pepsi')] }, writer), 'write', 'pepsi', '/changes/1'],
    [client.post('/changes', { changes: [key('coke'), key('nosuch')] }, writer), 'write', 'nosuch', '/changes/1'],
    [client.post('/changes', { data: 1 }, writer), 'write', '*', undefined],
    [client.post('/transactions', { compare: [{ ...key('pepsi'), revision: 0 }], then: [key('coke')] }, writer), 'read', 'pepsi', '/compare/0'],
    [client.post('/transactions', { compare: [{ ...key('coke'), revision: 0 }], then: [key('coke')] }, writer), 'read', 'coke', '/compare/0'],
    [client.post('/transactions', { then: [key('coke')], else: [key('pepsi')] }, writer), 'write', 'pepsi', '/else/0'],
    [client.put('/tenants/coke%2Fdeployments', { name: 'cokes' }, writer), 'write', 'cokes', undefined],
    [client.put('/tenants/coke/collections/settings/keys/k', { data: 1 }, { ...writer, 'if-match': '"1"' }), 'read', 'coke', undefined],
    [client.post('/tenants', { name: 'pepsi/us' }, writer), 'write', 'pepsi/us', undefined],
    [client.post('/changes', { tenant: 'pepsi', collection: 'settings', type: 'delete', key: 'k' }, writer), 'write', 'pepsi', undefined],
  ]
  for (const [answer, role, tenant, pointer] of refusals) {
    const { status, body } = await answer
    t.equal(status, 403)
    t.match(body, { code: 'FORBIDDEN', identity: 'writer', role, tenant })
    t.equal(body.pointer, pointer)
  }
  t.equal(await client.revision(), before)
  t.equal((await client.post('/tenants', { name: 'coke/new/' }, writer)).status, 400, 'a wrong name is told as such where it is allowed')
  t.equal((await client.post('/tenants', { name: 'coke/new' }, writer)).status, 201)
  t.equal((await client.put('/tenants/coke%2Fnew', { name: 'coke/newer' }, writer)).status, 200)
  t.equal((await client.delete('/tenants/coke%2Fnewer', writer)).status, 200)
})

test('who may write and not read is told nothing of what is there, also by a receipt', async (t) => {
  const { client } = await world(t)
  const writer = bearer('writer')
  const asked = async (answer: Promise<Answer>, headers: Headers): Promise<Answer> => {
    const { body: { receipt } } = await answer
    let told: Answer
    await until(async () => {
      told = await client.get(`/receipts/${receipt}`, headers)
      return told.body.state !== 'pending'
    }, 'the outcome')
    return told!
  }
  const full = await client.delete('/tenants/coke', writer)
  t.match(full, { status: 409, body: { code: 'TENANT_NOT_EMPTY', tenant: 'coke', detail: /holds tenants or collections\. / } })
  t.notMatch(full.text, /\d\)|"tenants"|"collections"/)
  const later = '/tenants/coke?ack=leader'
  const told = await asked(client.delete(later, writer), writer)
  t.match(told.body, { state: 'rejected', problem: { code: 'TENANT_NOT_EMPTY', tenant: 'coke' } })
  t.notMatch(told.text, /\d\)|"tenants"|"collections"/)
  t.match((await asked(client.delete(later, all), all)).body, { problem: { tenants: 2, collections: 1 } })

  // A name below that fills what a name may have.
  const parts = ['coke', 'x'.repeat(100), 'y'.repeat(128), 'y'.repeat(128), 'y'.repeat(128), 'y'.repeat(19)]
  const long = parts.join('/')
  for (let end = 2; end <= parts.length; end++) {
    t.equal((await client.post('/tenants', { name: parts.slice(0, end).join('/') }, all)).status, 201)
  }
  const above = `/tenants/coke%2F${parts[1]}`
  const longer = { name: `coke/${parts[1]}x` }
  const refused = await client.put(above, longer, writer)
  t.match(refused, { status: 409, body: { code: 'TENANT_NAME_TOO_LONG', limitBytes: 512 } })
  t.match(refused.body.detail, /^The name of a tenant below it would have too many bytes /)
  t.notMatch(refused.text, /y{9}|513/)
  t.match(await client.put(above, longer, all), { status: 409, body: { tenant: long, bytes: 513 } })
})

test('a tenant that is renamed while its reader waits for the leader is not shown any more', async (t) => {
  const { client } = await world(t)
  const { raft } = client.app
  const { id } = (await client.get('/tenants/pepsi%2Feu', all)).body
  const barrier = raft.readBarrier.bind(raft)
  const at = `/tenants/${id}`
  const paths = [at, `${at}/collections`, `${at}/collections/settings`, `${at}/collections/settings/keys`, `${at}/collections/settings/keys/k`]
  for (const path of paths) {
    t.equal((await client.get(path, bearer('shop'))).status, 200, path)
    raft.readBarrier = async () => {
      raft.readBarrier = barrier
      t.equal((await client.put(at, { name: 'pepsi/us' }, all)).status, 200)
      return barrier()
    }
    const late = await client.get(path, bearer('shop'))
    t.match(late, { status: 403, body: { code: 'FORBIDDEN', tenant: id } }, path)
    t.notMatch(late.text, /pepsi|secret/)
    t.equal((await client.put(at, { name: 'pepsi/eu' }, all)).status, 200)
  }
})

test('idempotency keys of one identity are nothing to another', async (t) => {
  const { client } = await world(t)
  const send = (who: string, tenant: string, data: unknown): Promise<Answer> => (
    client.post('/changes', { tenant, data }, { ...bearer(who), 'idempotency-key': 'order-1' }))
  const first = await send('all', 'coke', 'mine')
  t.equal(first.status, 201)
  // Neither that there is such a key, nor what became of the same write.
  const other = await send('writer', 'coke', 'other')
  t.match(other, { status: 201, body: { revision: first.body.revision + 1 } })
  t.match((await send('all', 'coke', 'mine')).body, { revision: first.body.revision }, 'its own is remembered')
  t.match((await send('writer', 'coke', 'other')).body, { revision: other.body.revision })
  t.match(await send('writer', 'coke', 'mine'), { status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED', key: 'order-1' } })
})

test('a snapshot holds what its taker may see, and says so', async (t) => {
  const { client } = await world(t)
  for (const identity of Object.keys(sees)) {
    const headers = as(identity) as Record<string, string>
    const { text } = await client.get('/snapshot', headers)
    const lines = text.trim().split('\n').map((line) => JSON.parse(line))
    const wanted = names.filter((name) => sees[identity]!.test(name)).sort()
    t.equal(lines[0].dump.partial, identity === 'all' ? undefined : true)
    t.same(lines.flatMap(({ tenant }) => tenant?.name ?? []), wanted, identity)
    t.same(lines.flatMap(({ entry }) => entry?.data ?? []), wanted.map((name) => `secret of ${name}`))
    t.same(lines.flatMap(({ collection }) => collection?.tenant ?? []), wanted)
    t.equal(lines.at(-1).end.lines, lines.length - 1)
  }
  const { text } = await client.get('/snapshot?tenant=coke%2Fdeployments', bearer('shop'))
  t.match(text, 'secret of coke/deployments/eu')
})

test('of the cluster clients see whom to ask, and operators everything', async (t) => {
  const { client } = await world(t)
  const [seen, whole] = [await client.get('/cluster', bearer('shop')), await client.get('/cluster', all)]
  t.same(Object.keys(seen.body).sort(), ['clusterId', 'id', 'leader', 'members', 'revision', 'term'])
  t.same(Object.keys(seen.body.members[0]).sort(), ['apiAddress', 'id', 'role', 'state'])
  t.ok(whole.body.checksum.value)
  t.type(whole.body.members[0].peerAddress, 'string')
})
