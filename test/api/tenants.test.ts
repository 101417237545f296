import { test } from 'tap'
import { invalid, refused, startNode, type Answer, type Client } from './client.ts'

const names = (answer: Answer): string[] => answer.body.tenants.map(({ name }: { name: string }) => name)

async function create (client: Client, ...paths: string[]): Promise<Answer[]> {
  const answers = []
  for (const name of paths) answers.push(await client.post('/tenants', { name }))
  return answers
}

test('A tenant is created, found by name and by id, and announced in the feed', async (t) => {
  const client = await startNode(t)
  const created = await client.post('/tenants', { name: 'coke', tags: ['new'] })
  t.equal(created.status, 201)
  t.strictSame(created.body, { id: '1', name: 'coke', revision: 1 })
  t.equal(created.headers.location, '/tenants/coke')
  for (const reference of ['coke', '1']) {
    const found = await client.get(`/tenants/${reference}`)
    t.equal(found.status, 200)
    t.strictSame(found.body, created.body)
  }
  t.match((await client.newest(1))[0], { type: 'tenant-create', tenant: 'coke', tags: ['new'], data: { id: '1' } })
  refused(t, await client.get('/tenants/pepsi'), 404, 'TENANT_NOT_FOUND', { tenant: 'pepsi' })
  refused(t, await client.get('/tenants/2'), 404, 'TENANT_NOT_FOUND', { tenant: '2' })
})

test('A tenant\'s name is a path, and a child needs its parent', async (t) => {
  const client = await startNode(t)
  refused(t, await client.post('/tenants', { name: 'coke/eu' }), 404, 'TENANT_NOT_FOUND', { tenant: 'coke' })
  await client.post('/tenants', { name: 'coke' })
  const child = await client.post('/tenants', { name: 'coke/eu' })
  t.equal(child.status, 201)
  t.equal(child.headers.location, '/tenants/coke%2Feu')
  t.strictSame((await client.get('/tenants/coke%2Feu')).body, { id: '2', name: 'coke/eu', revision: 2 })
  t.strictSame((await client.get(String(child.headers.location))).body, child.body)
  refused(t, await client.post('/tenants', { name: 'coke/asia/japan' }), 404, 'TENANT_NOT_FOUND', { tenant: 'coke/asia' })
})

test('A name is given once', async (t) => {
  const client = await startNode(t)
  await create(client, 'coke')
  refused(t, await client.post('/tenants', { name: 'coke' }), 409, 'TENANT_EXISTS', { tenant: 'coke' })
  t.equal((await client.post('/tenants', { name: 'Coke' })).status, 201, 'letters of another case make another name')
})

test('The parent in a new name is a name: an id stands for a tenant, not for a part of a name', async (t) => {
  const client = await startNode(t)
  await create(client, 'coke', 'coke/eu')
  refused(t, await client.post('/tenants', { name: '1/eu' }), 404, 'TENANT_NOT_FOUND', { tenant: '1' })
  refused(t, await client.put('/tenants/2', { name: '1/eu' }), 409, 'TENANT_MOVED')
  t.same(names(await client.get('/tenants')), ['coke', 'coke/eu'])
})

test('A rename leaves no tenant below with a name that is too long', async (t) => {
  const client = await startNode(t)
  const below = ['r', 'x'.repeat(128), 'y'.repeat(128), 'z'.repeat(128), 'w'.repeat(123)]
  await create(client, ...below.map((_, at) => below.slice(0, at + 1).join('/')))
  const longest = below.join('/')
  t.equal(Buffer.byteLength(longest), 512)
  refused(t, await client.put('/tenants/r', { name: 'rr' }), 409, 'TENANT_NAME_TOO_LONG', { tenant: longest, bytes: 513 })
  t.equal((await client.put('/tenants/r', { name: 's' })).status, 200)
  t.equal((await client.delete(`/tenants/${encodeURIComponent(`s${longest.slice(1)}`)}`)).status, 200)
})

test('Names that could mislead or not be written in a path are refused', async (t) => {
  const client = await startNode(t)
  await create(client, 'coke')
  const wrong = [
    '', '/', '/coke', 'coke/', 'coke//eu', '.', '..', 'coke/..', 'coke/.', ' coke', 'coke ', 'coke/ eu', '12', '_system', 'a\\b', 'a\u0000',
    'a\nb', 'a\u2028b', 'e\u0301', '\u202ecoke', 'a\u200bb', 'a\uffff', 'a\ufffe', 'x'.repeat(129), 'coke/' + 'x'.repeat(129), Array(17).fill('a').join('/'), 'x'.repeat(70_000),
  ]
  for (const name of wrong) {
    invalid(t, await client.post('/tenants', { name }), '/name')
    invalid(t, await client.put('/tenants/coke', { name }), '/name')
  }
  invalid(t, await client.post('/tenants', {}), '/name', /given/)
  invalid(t, await client.post('/tenants', { name: 5 }), '/name', /string/)
  invalid(t, await client.post('/tenants', { name: 'x', id: '7' }), '/id', /not known/)
  invalid(t, await client.post('/tenants', { name: 'x', tags: ['a', ''] }), '/tags/1')
  t.equal(await client.revision(), 1)
})

test('Names in any script are taken and come back as they were given', async (t) => {
  const client = await startNode(t)
  for (const name of ['кока', 'コーラ', 'é', 'a b', '😀', '%2e%2e', 'a+b', '?#&=', 'a__proto__', 'constructor', 'аpple']) {
    const created = await client.post('/tenants', { name })
    t.equal(created.status, 201, name)
    t.equal((await client.get(`/tenants/${encodeURIComponent(name)}`)).body.name, name)
    t.equal((await client.get(String(created.headers.location))).body.name, name)
  }
})

test('Renaming takes the children along, keeps ids, and frees the old name', async (t) => {
  const client = await startNode(t)
  await create(client, 'coke', 'coke/eu', 'coke/eu/it')
  await client.post('/tenants/coke%2Feu/collections', { name: 'settings' })
  const renamed = await client.put('/tenants/coke%2Feu', { name: 'coke/europe', tags: ['moved'] })
  t.equal(renamed.status, 200)
  t.strictSame(renamed.body, { id: '2', name: 'coke/europe', revision: 5 })
  t.match((await client.newest(1))[0], { type: 'tenant-rename', tenant: 'coke/europe', tags: ['moved'], data: { id: '2', previous: 'coke/eu' } })
  t.strictSame(names(await client.get('/tenants')), ['coke', 'coke/europe', 'coke/europe/it'])
  t.match((await client.get('/tenants/coke%2Feurope%2Fit')).body, { id: '3', name: 'coke/europe/it' })
  t.equal((await client.get('/tenants/coke%2Feurope/collections/settings')).body.tenant, 'coke/europe')
  for (const gone of ['coke%2Feu', 'coke%2Feu%2Fit']) refused(t, await client.get(`/tenants/${gone}`), 404, 'TENANT_NOT_FOUND')
  t.equal((await client.post('/tenants', { name: 'coke/eu' })).body.id, '6')
})

test('After a rename the feeds are found under the new name, whole, with the names of their time', async (t) => {
  const client = await startNode(t)
  await create(client, 'coke')
  await client.post('/changes', { tenant: 'coke', data: 'before' })
  await client.put('/tenants/1', { name: 'cola' })
  await client.post('/changes', { tenant: 'cola', data: 'after' })
  for (const url of ['/changes?tenant=cola', '/changes?tenant=1', '/tenants/cola/changes', '/tenants/1/changes']) {
    t.strictSame((await client.get(url)).body.changes.map(({ tenant }: { tenant: string }) => tenant), ['coke', 'coke', 'cola', 'cola'], url)
  }
  refused(t, await client.get('/changes?tenant=coke'), 404, 'TENANT_NOT_FOUND', { tenant: 'coke' })
  refused(t, await client.get('/tenants/coke/changes'), 404, 'TENANT_NOT_FOUND', { tenant: 'coke' })
})

test('A rename neither moves a tenant nor takes another\'s name', async (t) => {
  const client = await startNode(t)
  await create(client, 'coke', 'pepsi', 'coke/eu')
  refused(t, await client.put('/tenants/coke', { name: 'pepsi' }), 409, 'TENANT_EXISTS', { tenant: 'pepsi' })
  refused(t, await client.put('/tenants/coke%2Feu', { name: 'pepsi/eu' }), 409, 'TENANT_MOVED', { tenant: 'coke/eu', name: 'pepsi/eu' })
  refused(t, await client.put('/tenants/coke', { name: 'coke/eu/coke' }), 409, 'TENANT_MOVED')
  refused(t, await client.put('/tenants/fanta', { name: 'sprite' }), 404, 'TENANT_NOT_FOUND', { tenant: 'fanta' })
  t.equal((await client.put('/tenants/coke', { name: 'coke' })).status, 200, 'its own name it may have')
})

test('A tenant that holds something is only deleted recursively, and then with all of it at once', async (t) => {
  const client = await startNode(t)
  await create(client, 'coke', 'coke/eu', 'coke/eu/it', 'pepsi')
  await client.post('/tenants/coke%2Feu/collections', { name: 'settings' })
  await client.put('/tenants/coke%2Feu/collections/settings/keys/k', { data: 1 })
  refused(t, await client.delete('/tenants/coke'), 409, 'TENANT_NOT_EMPTY', { tenant: 'coke', tenants: 2, collections: 0 })
  refused(t, await client.delete('/tenants/coke%2Feu?recursive=false'), 409, 'TENANT_NOT_EMPTY', { tenants: 1, collections: 1 })
  const before = await client.revision()
  const deleted = await client.delete('/tenants/coke?recursive=true')
  t.equal(deleted.status, 200)
  t.strictSame(Object.keys(deleted.body), ['revision', 'timestamp'])
  t.equal(deleted.body.revision, before + 3)
  t.strictSame((await client.newest(3)).map(({ type, tenant }) => [type, tenant]), [
    ['tenant-delete', 'coke/eu/it'], ['tenant-delete', 'coke/eu'], ['tenant-delete', 'coke'],
  ])
  t.strictSame(names(await client.get('/tenants')), ['pepsi'])
  refused(t, await client.delete('/tenants/coke?recursive=true'), 404, 'TENANT_NOT_FOUND', { tenant: 'coke' })
  invalid(t, await client.delete('/tenants/pepsi?recursive=1'), 'recursive', /boolean/)
  invalid(t, await client.delete('/tenants/pepsi?recursiv=true'), 'recursiv', /not known/)
})

test('A tenant created anew under an old name has nothing of the old one', async (t) => {
  const client = await startNode(t)
  await create(client, 'coke')
  await client.post('/tenants/coke/collections', { name: 'settings' })
  await client.put('/tenants/coke/collections/settings/keys/k', { data: 1 })
  await client.delete('/tenants/coke?recursive=true')
  const [created] = await create(client, 'coke')
  t.not(created!.body.id, '1')
  t.strictSame((await client.get('/tenants/coke/collections')).body.collections, [])
  t.strictSame((await client.get('/tenants/coke/changes')).body.changes.map(({ type }: { type: string }) => type), ['tenant-create'])
  t.equal((await client.get('/changes?tenant=coke')).body.changes.length, 1)
})

test('Tenants are listed by name, in pages, from any parent down', async (t) => {
  const client = await startNode(t)
  await create(client, 'b', 'a', 'b/x', 'c', 'b/x/y', 'é')
  const all = ['a', 'b', 'b/x', 'b/x/y', 'c', 'é']
  t.strictSame((await client.get('/tenants')).body, {
    tenants: (await Promise.all(all.map((name) => client.get(`/tenants/${encodeURIComponent(name)}`)))).map(({ body }) => body), next: null,
  })
  const paged: string[] = []
  for (let after: string | null = ''; after !== null;) {
    const page: Answer = await client.get(`/tenants?limit=2&after=${encodeURIComponent(after)}`)
    t.ok(page.body.tenants.length <= 2)
    paged.push(...names(page))
    after = page.body.next
  }
  t.strictSame(paged, all)
  t.strictSame(names(await client.get('/tenants?parent=b')), ['b/x', 'b/x/y'])
  t.strictSame(names(await client.get('/tenants?parent=b%2Fx')), ['b/x/y'])
  t.strictSame(names(await client.get('/tenants?parent=a')), [])
  refused(t, await client.get('/tenants?parent=z'), 404, 'TENANT_NOT_FOUND', { tenant: 'z' })
  invalid(t, await client.get('/tenants?limit=0'), 'limit')
  invalid(t, await client.get('/tenants?limit=10001'), 'limit', /CHANGEWELL_PAGE_CHANGES_MAX/)
})
