import { test, type Test } from 'tap'
import { until } from '../support/node.ts'
import { stallDisk } from '../support/stalled-disk.ts'
import { keysPath, refused, startNode, startStocked, type Answer, type Client } from './client.ts'

const key = `${keysPath}/k`

/** What the receipt says once it says anything. */
async function fateOf (client: Client, receipt: string): Promise<Answer['body']> {
  let body: Answer['body']
  await until(async () => {
    const answer = await client.get(`/receipts/${receipt}`)
    body = answer.body
    if (answer.status === 200 && body.state === 'pending') return false
    return answer.status === 200
  }, 'an outcome')
  return body
}

async function clockAt (t: Test, aheadMs: number, during: () => Promise<void>): Promise<void> {
  const { now } = Date
  Date.now = () => now() + aheadMs
  t.teardown(() => { Date.now = now })
  await during()
  Date.now = now
}

const routes: Array<[string, (client: Client) => Promise<Answer>]> = [
  ['POST /tenants', (client) => client.post('/tenants?ack=leader', { name: 'pepsi' })],
  ['PUT /tenants', (client) => client.put('/tenants/pepsi?ack=leader', { name: 'fanta' })],
  ['POST collections', (client) => client.post('/tenants/fanta/collections?ack=leader', { name: 'c' })],
  ['DELETE collections', (client) => client.delete('/tenants/fanta/collections/c?ack=leader')],
  ['DELETE /tenants', (client) => client.delete('/tenants/fanta?ack=leader&recursive=true')],
  ['PUT of a key', (client) => client.put(`${key}?ack=leader`, { data: 1 })],
  ['DELETE of a key', (client) => client.delete(`${key}?ack=leader`)],
  ['POST /changes', (client) => client.post('/changes?ack=leader', { data: 1 })],
  ['POST /changes with a batch', (client) => client.post('/changes?ack=leader', { changes: [{ data: 1 }, { data: 2 }] })],
  ['POST /transactions', (client) => client.post('/transactions?ack=leader', { then: [{ data: 1 }] })],
]

test('Every write can be taken in without being waited for, and its receipt tells the revision', async (t) => {
  const client = await startStocked(t)
  for (const [name, send] of routes) {
    const { status, headers, body } = await send(client)
    t.equal(status, 202, name)
    t.strictSame(Object.keys(body), ['receipt'], name)
    t.equal(headers.location, `/receipts/${body.receipt}`, name)
    const fate = await fateOf(client, body.receipt)
    t.strictSame(fate, { state: 'committed', revision: await client.revision() }, name)
    t.strictSame(await fateOf(client, body.receipt), fate, `${name}: and goes on telling it`)
  }
})

test('A write that is refused later is found in its receipt, with the reason', async (t) => {
  const client = await startStocked(t)
  const conditional = await client.put(`${key}?ack=leader`, { data: 1 }, { 'if-match': '*' })
  t.equal(conditional.status, 202)
  t.match(await fateOf(client, conditional.body.receipt), {
    state: 'rejected', problem: { code: 'PRECONDITION_FAILED', status: 412, key: 'k', revision: 0, detail: /has no value/ },
  })
  t.equal((await client.get(key)).status, 404, 'and the write is not there')
  const unplaced = await client.post('/changes?ack=leader', { tenant: 'nobody' })
  t.match(await fateOf(client, unplaced.body.receipt), { state: 'rejected', problem: { code: 'TENANT_NOT_FOUND' } })
})

test('What is wrong whatever the database holds is refused at once, and an unknown way of waiting too', async (t) => {
  const client = await startStocked(t)
  refused(t, await client.post('/changes?ack=leader', { tags: [''] }), 400, 'INVALID_FIELD')
  refused(t, await client.post('/changes?ack=never', {}), 400, 'INVALID_FIELD', { field: 'ack' })
})

test('A write that timed out tells by its receipt what became of it, before and after a restart', async (t) => {
  const client = await startStocked(t, { writeTimeoutSeconds: 1 })
  await client.get('/readyz')
  const release = stallDisk(t)
  const answer = await client.put(key, { data: 'late' })
  refused(t, answer, 504, 'WRITE_TIMEOUT')
  const { receipt } = answer.body
  t.match(answer.body.detail, `GET /receipts/${receipt}`)
  t.equal(answer.headers.location, `/receipts/${receipt}`)
  release()
  const fate = await fateOf(client, receipt)
  const read = await client.get(key)
  t.strictSame(fate, { state: 'committed', revision: read.body.revision })
  t.equal(read.body.data, 'late')
  const { dataDir } = client.app.config
  await client.app.close()
  const again = await startNode(t, { dataDir })
  t.strictSame(await fateOf(again, receipt), fate)
})

test('A write that nobody took is rejected for certain once its deadline has passed, though no other write comes', async (t) => {
  const client = await startStocked(t, { writeTimeoutSeconds: 1 })
  const { raft } = client.app
  const receipt = raft.receipts.textOf(raft.receipts.give(1000))
  t.strictSame((await client.get(`/receipts/${receipt}`)).body, { state: 'pending' })
  t.equal((await client.get(`/receipts/${receipt}`)).headers['retry-after'], '1')
  const { revision } = client.app.database
  t.match(await fateOf(client, receipt), { state: 'rejected', problem: { code: 'WRITE_EXPIRED' } })
  t.equal(client.app.database.revision, revision)
})

test('Each attempt under one idempotency key has its own receipt, and all tell of the one write', async (t) => {
  const client = await startStocked(t)
  const send = async (): Promise<string> => {
    const { status, body } = await client.post('/changes?ack=leader', { data: 1 }, { 'idempotency-key': 'k' })
    t.equal(status, 202)
    return body.receipt
  }
  const receipts = [await send(), await send(), await send()]
  t.equal(new Set(receipts).size, 3)
  const fates = await Promise.all(receipts.map((receipt) => fateOf(client, receipt)))
  for (const fate of fates) t.strictSame(fate, { state: 'committed', revision: 3 })
  const other = await client.post('/changes?ack=leader', { data: 2 }, { 'idempotency-key': 'k' })
  t.match(await fateOf(client, other.body.receipt), { state: 'rejected', problem: { code: 'IDEMPOTENCY_KEY_REUSED' } })
})

test('An attempt that came too late uses up no idempotency key', async (t) => {
  const client = await startStocked(t)
  const { raft } = client.app
  const write = { kind: 'write' as const, compare: [], then: [{ type: 'put' as const }] }
  const idempotency = { key: 'k', fingerprint: Buffer.alloc(16) }
  const given = raft.receipts.give(-1000)
  const { after: _, ...receipt } = given
  t.match(await raft.propose({ ...write, idempotency, receipt }), { ok: false, code: 'WRITE_EXPIRED' })
  t.match(await raft.propose({ ...write, idempotency }), { ok: true, revision: 3 })
  t.match(await fateOf(client, raft.receipts.textOf(given)), { state: 'rejected', problem: { code: 'WRITE_EXPIRED' } })
})

test('A clock that was ahead makes nothing wrong: writes after it go well, and receipts stay right', async (t) => {
  const client = await startStocked(t)
  let receipt = ''
  await clockAt(t, 3_600_000, async () => {
    receipt = (await client.post('/changes?ack=leader', { data: 'ahead' })).body.receipt
    t.match(await fateOf(client, receipt), { state: 'committed', revision: 3 })
  })
  t.match(await client.post('/changes', {}), { status: 201, body: { revision: 4 } })
  t.match(await fateOf(client, receipt), { state: 'committed', revision: 3 })
})

test('A receipt that is mistyped, or of another cluster, is none: it is not taken for a write that was rejected', async (t) => {
  const client = await startNode(t)
  const other = await startNode(t)
  const { body: { receipt } } = await client.post('/changes?ack=leader', {})
  refused(t, await other.get(`/receipts/${receipt}`), 404, 'RECEIPT_NOT_FOUND', { reason: 'another cluster gave it' })
  for (let at = 0; at < receipt.length; at += 7) {
    const wrong = receipt.slice(0, at) + (receipt[at] === 'A' ? 'B' : 'A') + receipt.slice(at + 1)
    refused(t, await client.get(`/receipts/${wrong}`), 404, 'RECEIPT_NOT_FOUND')
  }
  for (const wrong of ['x', receipt.slice(1), `${receipt}A`, '%F0%9F%94%91']) {
    refused(t, await client.get(`/receipts/${wrong}`), 404, 'RECEIPT_NOT_FOUND')
  }
})
