import { cpSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildNode, folder, until } from '../support/node.ts'
import { verifyStore } from '../support/verify.ts'

interface Sent {
  method: 'POST' | 'PUT' | 'DELETE'
  url: string
  payload?: object
  headers?: Record<string, string>
}

interface Answer {
  status: number
  body: Record<string, unknown>
  etag: string | undefined
  location: string | undefined
}

const key = '/tenants/a/collections/c/keys/k'

t.test('The same write with the same key is done once and answered alike', async (t) => {
  const app = await prepared(t)
  const writes: Array<[what: string, write: Sent]> = [
    ['a change', { method: 'POST', url: '/changes', payload: { data: 1 } }],
    ['a batch', { method: 'POST', url: '/changes', payload: { changes: [{ data: 1 }, { data: 2 }] } }],
    ['a new key', { method: 'PUT', url: key, payload: { data: 1 }, headers: { 'if-none-match': '*' } }],
    ['a key that is there', { method: 'PUT', url: key, payload: { data: 2 }, headers: { 'if-match': '*' } }],
    ['a transaction', {
      method: 'POST',
      url: '/transactions',
      payload: { compare: [{ tenant: 'a', collection: 'c', key: 'k', revision: 0 }], then: [{ data: 1 }], else: [{ data: 2 }] },
    }],
    ['a deletion', { method: 'DELETE', url: key }],
    ['a tenant', { method: 'POST', url: '/tenants', payload: { name: 'b' } }],
    ['a rename', { method: 'PUT', url: '/tenants/b', payload: { name: 'd' } }],
    ['a collection', { method: 'POST', url: '/tenants/a/collections', payload: { name: 'e' } }],
    ['a recursive deletion', { method: 'DELETE', url: '/tenants/a?recursive=true' }],
  ]
  for (const [at, [what, write]] of writes.entries()) {
    const first = await send(app, write, `key-${at}`)
    t.ok(first.status === 200 || first.status === 201, `${what}: ${first.status}`)
    const { revision } = app.database
    t.same(await send(app, write, `key-${at}`), first, what)
    t.equal(app.database.revision, revision, `${what} leaves nothing the second time`)
  }
  await verifyStore(app.database.store)
})

t.test('Requests with one key that come together are one write', async (t) => {
  const app = await prepared(t)
  const { revision } = app.database
  const write: Sent = { method: 'POST', url: '/changes', payload: { data: 1 } }
  const answers = await Promise.all(Array.from({ length: 50 }, () => send(app, write, 'together')))
  t.ok(answers.every(({ body }) => body.revision === revision + 1))
  t.equal(app.database.revision, revision + 1)
})

t.test('A key that comes with another write is refused, whatever differs', async (t) => {
  const app = await prepared(t)
  const first: Sent = { method: 'PUT', url: key, payload: { data: { a: 1 } } }
  t.equal((await send(app, first, 'mine')).status, 201)
  const { revision } = app.database
  const others: Sent[] = [
    { ...first, payload: { data: { a: 2 } } },
    { ...first, payload: { data: { a: 1 }, tags: ['red'] } },
    { ...first, url: `${key}2` },
    { ...first, headers: { 'if-match': '*' } },
    { method: 'DELETE', url: key },
    { method: 'POST', url: '/tenants', payload: { name: 'b' } },
  ]
  for (const other of others) {
    const { status, body } = await send(app, other, 'mine')
    t.match({ status, body }, { status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED', key: 'mine' } }, JSON.stringify(other))
  }
  t.equal(app.database.revision, revision)
  t.equal((await send(app, { ...first, payload: { data: { a: 1 } } }, 'mine')).status, 201, 'the first is still known')
})

t.test('A refusal is remembered: what would go well later is refused all the same', async (t) => {
  const app = await prepared(t)
  const refused: Array<[status: number, write: Sent]> = [
    [404, { method: 'POST', url: '/tenants/b/collections', payload: { name: 'c' } }],
    [404, { method: 'DELETE', url: key }],
    [412, { method: 'PUT', url: key, payload: { data: 1 }, headers: { 'if-match': '*' } }],
    [409, { method: 'POST', url: '/tenants', payload: { name: 'a' } }],
  ]
  const first = []
  for (const [at, [status, write]] of refused.entries()) {
    first.push(await send(app, write, `refused-${at}`))
    t.equal(first.at(-1)!.status, status)
  }
  await send(app, { method: 'POST', url: '/tenants', payload: { name: 'b' } })
  await send(app, { method: 'PUT', url: key, payload: { data: 1 } })
  const { revision } = app.database
  for (const [at, [, write]] of refused.entries()) {
    const { instance: _, ...again } = (await send(app, write, `refused-${at}`)).body
    const { instance: __, ...before } = first[at]!.body
    t.same(again, before)
  }
  t.equal(app.database.revision, revision)
})

t.test('What never became a write is not remembered', async (t) => {
  const app = await prepared(t)
  t.equal((await send(app, { method: 'POST', url: '/changes', payload: { tags: [''] } }, 'k')).status, 400)
  t.equal((await send(app, { method: 'POST', url: '/changes', payload: { data: 1 } }, 'k')).status, 201)
})

t.test('Keys are known after a restart, from the database as from the log', async (t) => {
  const dataDir = folder(t)
  const app = await prepared(t, { dataDir })
  const write: Sent = { method: 'PUT', url: key, payload: { data: 1 } }
  const refused: Sent = { method: 'DELETE', url: `${key}2` }
  const first = [await send(app, write, 'done'), await send(app, refused, 'refused')]
  const { revision } = app.database
  const crashed = folder(t)
  cpSync(dataDir, crashed, { recursive: true })
  const lost = folder(t)
  cpSync(dataDir, lost, { recursive: true, filter: (path) => path !== `${dataDir}/db` })
  await app.close()
  for (const directory of [dataDir, crashed, lost]) {
    const again = await buildNode(t, { dataDir: directory })
    t.same(await send(again, write, 'done'), first[0])
    t.equal((await send(again, refused, 'refused')).status, first[1]!.status)
    t.equal((await send(again, { method: 'DELETE', url: key }, 'done')).status, 422)
    t.equal(again.database.revision, revision)
  }
})

t.test('Keys are forgotten when their time has passed, and may then come again', async (t) => {
  const app = await prepared(t, { idempotencySeconds: 1 })
  const write: Sent = { method: 'POST', url: '/changes', payload: { data: 1 } }
  for (let at = 0; at < 20; at++) await send(app, write, `short-${at}`)
  const { revision } = app.database
  await until(async () => await requests(app) === 0, 'the keys to be forgotten')
  t.equal((await send(app, write, 'short-0')).body.revision, revision + 1)
  const { status } = await send(app, { ...write, payload: { data: 2 } }, 'short-1')
  t.equal(status, 201)
  await verifyStore(app.database.store)
})

t.test('A key whose time has passed is new again, tidied away or not', async (t) => {
  const app = await prepared(t, { idempotencySeconds: 1 })
  const write: Sent = { method: 'POST', url: '/changes', payload: { data: 1 } }
  const { revision } = (await send(app, write, 'short')).body
  const repeated = async (): Promise<unknown> => (await send(app, write, 'short')).body.revision
  await until(async () => await repeated() !== revision, 'the key to be new')
  t.equal(await repeated(), app.database.revision, 'and then known again')
  await verifyStore(app.database.store)
})

async function prepared (t: Test, overrides: Parameters<typeof buildNode>[1] = {}): Promise<FastifyInstance> {
  const app = await buildNode(t, overrides)
  await send(app, { method: 'POST', url: '/tenants', payload: { name: 'a' } })
  await send(app, { method: 'POST', url: '/tenants/a/collections', payload: { name: 'c' } })
  return app
}

async function send (app: FastifyInstance, { headers, ...sent }: Sent, idempotencyKey?: string): Promise<Answer> {
  const response = await app.inject({
    ...sent, headers: { ...headers, ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }) },
  })
  const { etag, location } = response.headers
  return { status: response.statusCode, body: response.json(), etag, location }
}

/** Rows of the family of requests that are about idempotency keys: two for each that is remembered. */
async function requests (app: FastifyInstance): Promise<number> {
  let count = 0
  for await (const { key } of app.database.store.scan('requests', { start: Buffer.of(0), end: Buffer.of(255) })) {
    count += key[0] === 'o'.charCodeAt(0) ? 0 : 1
  }
  return count
}
