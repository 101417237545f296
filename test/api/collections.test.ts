import { test } from 'tap'
import { invalid, refused, startNode, startStocked, type Answer } from './client.ts'

const names = (answer: Answer): string[] => answer.body.collections.map(({ name }: { name: string }) => name)

test('A collection is created in a tenant, read, and announced in the feed', async (t) => {
  const client = await startNode(t)
  await client.post('/tenants', { name: 'coke' })
  const created = await client.post('/tenants/coke/collections', { name: 'settings', tags: ['new'] })
  t.equal(created.status, 201)
  t.strictSame(created.body, { id: '2', name: 'settings', tenant: 'coke', revision: 2 })
  t.equal(created.headers.location, '/tenants/coke/collections/settings')
  for (const tenant of ['coke', '1']) {
    t.strictSame((await client.get(`/tenants/${tenant}/collections/settings`)).body, created.body)
  }
  t.match((await client.newest(1))[0], { type: 'collection-create', tenant: 'coke', collection: 'settings', tags: ['new'], data: { id: '2' } })
})

test('A tenant named by its id has its name in the answer', async (t) => {
  const client = await startNode(t)
  await client.post('/tenants', { name: 'coke' })
  const created = await client.post('/tenants/1/collections', { name: 'a/b' })
  t.match(created.body, { tenant: 'coke', name: 'a/b' })
  t.equal(created.headers.location, '/tenants/coke/collections/a%2Fb')
  t.strictSame((await client.get(String(created.headers.location))).body, created.body)
})

test('Whatever is done to a collection says whether the tenant or the collection is missing', async (t) => {
  const client = await startStocked(t)
  const noTenant = { tenant: 'pepsi' }
  refused(t, await client.post('/tenants/pepsi/collections', { name: 'a' }), 404, 'TENANT_NOT_FOUND', noTenant)
  refused(t, await client.get('/tenants/pepsi/collections'), 404, 'TENANT_NOT_FOUND', noTenant)
  refused(t, await client.get('/tenants/pepsi/collections/settings'), 404, 'TENANT_NOT_FOUND', noTenant)
  refused(t, await client.delete('/tenants/pepsi/collections/settings'), 404, 'TENANT_NOT_FOUND', noTenant)
  const noCollection = { tenant: 'coke', collection: 'x' }
  refused(t, await client.get('/tenants/1/collections/x'), 404, 'COLLECTION_NOT_FOUND', noCollection)
  refused(t, await client.delete('/tenants/1/collections/x?recursive=true'), 404, 'COLLECTION_NOT_FOUND', noCollection)
})

test('A name is given once in a tenant', async (t) => {
  const client = await startStocked(t)
  refused(t, await client.post('/tenants/coke/collections', { name: 'settings' }), 409, 'COLLECTION_EXISTS', { tenant: 'coke', collection: 'settings' })
  await client.post('/tenants', { name: 'pepsi' })
  t.equal((await client.post('/tenants/pepsi/collections', { name: 'settings' })).status, 201)
})

test('Names that could mislead are refused', async (t) => {
  const client = await startStocked(t)
  for (const name of ['', '/', 'a/', 'a//b', '..', 'a/../b', ' a', '_nodes', 'a\\b', 'a\u0000', 'e\u0301', 'x'.repeat(257), 'x'.repeat(70_000)]) {
    invalid(t, await client.post('/tenants/coke/collections', { name }), '/name')
  }
  for (const name of ['non-free/libs', '12', 'ключи', 'a__proto__', 'constructor', 'x'.repeat(256)]) {
    t.equal((await client.post('/tenants/coke/collections', { name })).status, 201)
    t.equal((await client.get(`/tenants/coke/collections/${encodeURIComponent(name)}`)).body.name, name)
  }
})

test('A collection that holds keys is only deleted recursively, and then as one change', async (t) => {
  const client = await startStocked(t)
  const url = '/tenants/coke/collections/settings'
  await client.put(`${url}/keys/a`, { data: 1 })
  await client.put(`${url}/keys/b`, { data: 2 })
  refused(t, await client.delete(url), 409, 'COLLECTION_NOT_EMPTY', { tenant: 'coke', collection: 'settings' })
  const deleted = await client.delete(`${url}?recursive=true`)
  t.equal(deleted.status, 200)
  t.equal(deleted.body.revision, 5)
  t.match((await client.newest(1))[0], { revision: 5, type: 'collection-delete', tenant: 'coke', collection: 'settings' })
  refused(t, await client.get(`${url}/keys/a`), 404, 'COLLECTION_NOT_FOUND')
  const feed = (await client.get('/tenants/coke/changes')).body.changes.map(({ type }: { type: string }) => type)
  t.strictSame(feed, ['tenant-create', 'collection-delete'], 'the tenant\'s feed keeps no key of it')
  await client.post('/tenants/coke/collections', { name: 'settings' })
  refused(t, await client.get(`${url}/keys/a`), 404, 'KEY_NOT_FOUND')
})

test('A collection whose keys were all deleted is empty', async (t) => {
  const client = await startStocked(t)
  const url = '/tenants/coke/collections/settings'
  await client.put(`${url}/keys/a`, { data: 1 })
  await client.delete(`${url}/keys/a`)
  t.equal((await client.delete(url)).status, 200)
})

test('Collections are listed by name, in pages', async (t) => {
  const client = await startNode(t)
  await client.post('/tenants', { name: 'coke' })
  for (const name of ['d', 'b', 'a/b', 'c', 'a']) await client.post('/tenants/coke/collections', { name })
  const all = ['a', 'a/b', 'b', 'c', 'd']
  t.strictSame(names(await client.get('/tenants/coke/collections')), all)
  const paged: string[] = []
  for (let after: string | null = ''; after !== null;) {
    const page: Answer = await client.get(`/tenants/coke/collections?limit=2&after=${encodeURIComponent(after)}`)
    paged.push(...names(page))
    after = page.body.next
  }
  t.strictSame(paged, all)
  invalid(t, await client.get('/tenants/coke/collections?limit=0'), 'limit')
  invalid(t, await client.get('/tenants/coke/collections?prefix=a'), 'prefix', /not known/)
})
