import { test } from 'tap'
import { until } from '../support/node.ts'
import { invalid, keysPath, refused, startStocked, type Answer, type Client, type Headers } from './client.ts'

interface Write {
  name: string
  send: (client: Client, headers: Headers) => Promise<Answer>
  /** Another request to the same place. */
  other: (client: Client, headers: Headers) => Promise<Answer>
}

const collections = '/tenants/coke/collections'

/** Every route that writes changes. What each needs is there; what is written is gone or renamed after it. */
const writes: Write[] = [
  {
    name: 'POST /changes',
    send: (client, headers) => client.post('/changes', { data: 1 }, headers),
    other: (client, headers) => client.post('/changes', { data: 2 }, headers),
  },
  {
    name: 'POST /changes with a batch',
    send: (client, headers) => client.post('/changes', { changes: [{ data: 1 }, { data: 2 }] }, headers),
    other: (client, headers) => client.post('/changes', { changes: [{ data: 2 }, { data: 1 }] }, headers),
  },
  {
    name: 'PUT of a key that is there',
    send: (client, headers) => client.put(`${keysPath}/there`, { data: 1 }, headers),
    other: (client, headers) => client.put(`${keysPath}/there`, { data: 1, tags: ['a'] }, headers),
  },
  {
    name: 'PUT of a key that must not be there',
    send: (client, headers) => client.put(`${keysPath}/new`, { data: 1 }, { ...headers, 'if-none-match': '*' }),
    other: (client, headers) => client.put(`${keysPath}/new`, { data: 1 }, headers),
  },
  {
    name: 'PUT of a key that must be at a revision',
    send: (client, headers) => client.put(`${keysPath}/guarded`, { data: 1 }, { ...headers, 'if-match': '"3"' }),
    other: (client, headers) => client.put(`${keysPath}/guarded`, { data: 1 }, { ...headers, 'if-match': '"4"' }),
  },
  {
    name: 'DELETE of a key',
    send: (client, headers) => client.delete(`${keysPath}/there`, headers),
    other: (client, headers) => client.delete(`${keysPath}/guarded`, headers),
  },
  {
    name: 'POST /transactions',
    send: (client, headers) => client.post('/transactions', { compare: [{ tenant: 'coke', collection: 'settings', key: 'x', revision: 0 }], then: [{}] }, headers),
    other: (client, headers) => client.post('/transactions', { then: [{}] }, headers),
  },
  {
    name: 'POST /tenants',
    send: (client, headers) => client.post('/tenants', { name: 'fanta' }, headers),
    other: (client, headers) => client.post('/tenants', { name: 'sprite' }, headers),
  },
  {
    name: 'PUT of a tenant',
    send: (client, headers) => client.put('/tenants/pepsi', { name: 'cola' }, headers),
    other: (client, headers) => client.put('/tenants/pepsi', { name: 'soda' }, headers),
  },
  {
    name: 'DELETE of a tenant',
    send: (client, headers) => client.delete('/tenants/cola?recursive=true', headers),
    other: (client, headers) => client.delete('/tenants/cola', headers),
  },
  {
    name: 'POST of a collection',
    send: (client, headers) => client.post(collections, { name: 'rules' }, headers),
    other: (client, headers) => client.post(collections, { name: 'laws' }, headers),
  },
  {
    name: 'DELETE of a collection',
    send: (client, headers) => client.delete(`${collections}/settings?recursive=true`, headers),
    other: (client, headers) => client.delete(`${collections}/settings`, headers),
  },
]

test('A write that is sent again with its idempotency key is done once and answered the same', async (t) => {
  const client = await startStocked(t)
  await client.put(`${keysPath}/guarded`, { data: 0 })
  await client.put(`${keysPath}/there`, { data: 0 })
  await client.post('/tenants', { name: 'pepsi' })
  for (const { name, send, other } of writes) {
    const headers = { 'idempotency-key': name.replaceAll(' ', '-') }
    const first = await send(client, headers)
    t.ok(first.status < 300, `${name} succeeds: ${first.text}`)
    const after = await client.revision()
    await client.post('/changes', { data: 'between' })
    const again = await send(client, headers)
    t.equal(again.status, first.status, name)
    t.equal(again.text, first.text, name)
    for (const header of ['etag', 'location']) t.equal(again.headers[header], first.headers[header], `${name}: ${header}`)
    t.equal(await client.revision(), after + 1, `${name} changed nothing more`)
    refused(t, await other(client, headers), 422, 'IDEMPOTENCY_KEY_REUSED', { key: headers['idempotency-key'] })
    t.equal(await client.revision(), after + 1)
  }
})

test('A refusal is remembered as well: it does not become a success because it is sent again', async (t) => {
  const client = await startStocked(t)
  const headers = { 'idempotency-key': 'refused' }
  refused(t, await client.post('/changes', { tenant: 'pepsi' }, headers), 404, 'TENANT_NOT_FOUND')
  await client.post('/tenants', { name: 'pepsi' })
  refused(t, await client.post('/changes', { tenant: 'pepsi' }, headers), 404, 'TENANT_NOT_FOUND')
  t.equal((await client.post('/changes', { tenant: 'pepsi' })).status, 201)
})

test('A request that is malformed takes no idempotency key', async (t) => {
  const client = await startStocked(t)
  const headers = { 'idempotency-key': 'mistyped' }
  invalid(t, await client.post('/changes', { tags: [''] }, headers), '/tags/0')
  t.equal((await client.post('/changes', { tags: ['a'] }, headers)).status, 201)
})

test('Retries that are sent at the same time are one write', async (t) => {
  const client = await startStocked(t)
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.post('/changes', { data: 1 }, { 'idempotency-key': 'k' })))
  t.equal(new Set(answers.map(({ text }) => text)).size, 1)
  t.equal(await client.revision(), 3)
})

test('The same write is the same however its JSON is spaced', async (t) => {
  const client = await startStocked(t)
  const headers = { 'idempotency-key': 'k' }
  const first = await client.post('/changes', '{"data":[1,2],"tags":["a"]}', headers)
  t.equal((await client.post('/changes', '{ "tags" : [ "a" ],\n "data" : [ 1, 2 ] }', headers)).text, first.text)
})

test('An idempotency key is visible ASCII of a limited length', async (t) => {
  const client = await startStocked(t)
  const post = (key: string) => client.post('/changes', {}, { 'idempotency-key': key })
  for (const key of ['', 'a b', 'é', 'x'.repeat(256)]) invalid(t, await post(key), 'idempotency-key')
  for (const key of ['x'.repeat(255), '__proto__', '"quoted"', '🔑'.replace(/./gu, '%F0%9F%94%91')]) t.equal((await post(key)).status, 201)
})

test('An idempotency key is forgotten after its time', async (t) => {
  const client = await startStocked(t, { idempotencySeconds: 1 })
  const send = () => client.post('/changes', { data: 1 }, { 'idempotency-key': 'k' })
  const first = await send()
  await until(async () => (await send()).body.revision !== first.body.revision, 'the key to be forgotten')
  t.equal(await client.revision(), 4)
})
