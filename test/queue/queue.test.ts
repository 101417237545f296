import { test } from 'tap'
import { until } from '../support/node.ts'
import { Client, keysPath, refused, startNode, startStocked } from '../api/client.ts'
import { stallDisk } from '../support/stalled-disk.ts'

async function fateOf (client: Client, receipt: string): Promise<any> {
  let body: any
  await until(async () => {
    body = (await client.get(`/receipts/${receipt}`)).body
    return body.state !== 'pending'
  }, 'an outcome')
  return body
}

test('A queued write is answered with a receipt, and made', async (t) => {
  const client = await startStocked(t)
  const { status, body, headers } = await client.put(`${keysPath}/k?ack=queue`, { data: 1 })
  t.equal(status, 202)
  t.equal(headers.location, `/receipts/${body.receipt}`)
  t.strictSame(await fateOf(client, body.receipt), { state: 'committed', revision: 3 })
  t.match(await client.get(`${keysPath}/k`), { status: 200, body: { data: 1, revision: 3 } })
  await until(async () => (await client.get('/queue')).body.writes === 0, 'the queue to be empty')
  t.strictSame((await client.get('/queue')).body, { writes: 0, bytes: 0, waitsFor: null, first: [] })
})

test('Queued writes are made in the order in which they came', async (t) => {
  const client = await startStocked(t)
  const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => client.post('/changes?ack=queue', { data: at })))
  const fates = await Promise.all(answers.map(({ body }) => fateOf(client, body.receipt)))
  t.strictSame(fates.map(({ revision }) => revision), Array.from({ length: 50 }, (_, at) => at + 3))
  t.strictSame((await client.newest(50)).map(({ data }) => data), Array.from({ length: 50 }, (_, at) => at))
})

test('A condition that fails when the write is made is found in its receipt, and those behind it go on', async (t) => {
  const client = await startStocked(t)
  const first = await client.put(`${keysPath}/k?ack=queue`, { data: 1 }, { 'if-none-match': '*' })
  const second = await client.put(`${keysPath}/k?ack=queue`, { data: 2 }, { 'if-none-match': '*' })
  const third = await client.post('/changes?ack=queue', { data: 3 })
  t.match(await fateOf(client, first.body.receipt), { state: 'committed', revision: 3 })
  t.match(await fateOf(client, second.body.receipt), { state: 'rejected', problem: { code: 'PRECONDITION_FAILED', revision: 3 } })
  t.match(await fateOf(client, third.body.receipt), { state: 'committed', revision: 4 })
})

test('A queued write with an idempotency key is the same write as one that was not queued', async (t) => {
  const client = await startStocked(t)
  const headers = { 'idempotency-key': 'k' }
  t.match(await client.post('/changes', { data: 1 }, headers), { status: 201, body: { revision: 3 } })
  const queued = await client.post('/changes?ack=queue', { data: 1 }, headers)
  t.strictSame(await fateOf(client, queued.body.receipt), { state: 'committed', revision: 3 })
  const other = await client.post('/changes?ack=queue', { data: 2 }, headers)
  t.match(await fateOf(client, other.body.receipt), { state: 'rejected', problem: { code: 'IDEMPOTENCY_KEY_REUSED' } })
  t.equal(await client.revision(), 3)
})

test('A write that is sent twice under one receipt is made once, and its outcome stays', async (t) => {
  const client = await startStocked(t)
  const { raft } = client.app
  const given = raft.receipts.give(60_000, true)
  const { after: _, ...receipt } = given
  const write = { kind: 'write' as const, compare: [], then: [{ type: 'put' as const }], receipt }
  t.match(await raft.propose(write), { ok: true, revision: 3 })
  t.match(await raft.propose(write), { ok: true, revision: 3 })
  t.equal(await client.revision(), 3)
  t.strictSame(await fateOf(client, raft.receipts.textOf(given)), { state: 'committed', revision: 3 })
})

test('The queue is bounded in writes and bytes, and what is in it is seen', async (t) => {
  const client = await startStocked(t, { queueWritesMax: 2, queueBytesMax: 4096 })
  refused(t, await client.post('/changes?ack=queue', { data: 'x'.repeat(5000) }), 503, 'QUEUE_FULL', {
    setting: 'CHANGEWELL_QUEUE_BYTES_MAX', limit: 4096,
  })
  await client.get('/readyz')
  const release = stallDisk(t)
  const sent = Array.from({ length: 3 }, (_, at) => client.post('/changes?ack=queue', { data: at }))
  const full = await sent[2]!
  refused(t, full, 503, 'QUEUE_FULL', { setting: 'CHANGEWELL_QUEUE_WRITES_MAX', limit: 2 })
  t.equal(full.headers['retry-after'], '1')
  release()
  for (const { body } of await Promise.all(sent.slice(0, 2))) t.equal((await fateOf(client, body.receipt)).state, 'committed')
})

/** As when there is no leader, until it is called. Counts the attempts. */
function leaderless ({ app: { raft } }: Client): { attempts: number, end: () => void } {
  const { propose } = raft
  const state = { attempts: 0, end: () => { raft.propose = propose } }
  raft.propose = async () => {
    state.attempts++
    throw new Error('nobody leads')
  }
  return state
}

test('A write that no leader took in time is rejected by the next one, and the queue goes on', async (t) => {
  const client = await startStocked(t, { queueSeconds: 3 })
  const nobody = leaderless(client)
  const late = await client.post('/changes?ack=queue', { data: 'late' })
  const { body: queue } = await client.get('/queue')
  t.match(queue, {
    writes: 1, waitsFor: 'nobody leads', first: [{ receipt: late.body.receipt, acceptedAt: /Z$/, deadline: /Z$/, requestId: /./ }],
  })
  t.match((await client.get('/metrics')).text, /changewell_queue_writes 1\n/)
  await until(() => Date.now() > Date.parse(queue.first[0].deadline), 'its time to be over')
  nobody.attempts = 0
  await until(() => nobody.attempts > 2, 'it to be tried again')
  t.equal((await client.get('/queue')).body.writes, 1, 'a node does not decide it by its own clock')
  nobody.end()
  await until(async () => (await client.get('/queue')).body.writes === 0, 'the write to be given up')
  t.match((await client.get(`/receipts/${late.body.receipt}`)).body, { state: 'rejected', problem: { code: 'WRITE_EXPIRED' } }, 'at once')
  const next = await client.post('/changes?ack=queue', { data: 'next' })
  t.strictSame(await fateOf(client, next.body.receipt), { state: 'committed', revision: 3 })
  const { text } = await client.get('/metrics')
  t.match(text, /changewell_queue_done_total{outcome="expired"} 1\n/)
  t.match(text, /changewell_queue_done_total{outcome="committed"} 1\n/)
})

test('A clock that is ahead for a while loses nothing that was queued', async (t) => {
  const client = await startStocked(t)
  const { now } = Date
  t.teardown(() => { Date.now = now })
  const nobody = leaderless(client)
  const receipts = []
  for (let at = 0; at < 3; at++) receipts.push((await client.post('/changes?ack=queue', { data: at })).body.receipt)
  Date.now = () => now() + 2 * 86_400_000
  nobody.attempts = 0
  await until(() => nobody.attempts > 2, 'the queue to be tried by that clock')
  Date.now = now
  nobody.end()
  const fates = await Promise.all(receipts.map((receipt) => fateOf(client, receipt)))
  t.strictSame(fates, [3, 4, 5].map((revision) => ({ state: 'committed', revision })))
})

test('A leader whose clock is ahead for a while loses nothing that was queued', async (t) => {
  const client = await startStocked(t)
  const { raft } = client.app
  const { propose } = raft
  let refusals = 0
  // As it answers before the write is in its log; by the time it is asked to pass that on, its clock is right again.
  raft.propose = async (proposal, origin) => {
    if (proposal.kind !== 'write' || refusals > 2) return propose.call(raft, proposal, origin)
    refusals++
    return { ok: false, code: 'WRITE_EXPIRED', params: { deadline: '' }, revision: 0 }
  }
  const { body: { receipt } } = await client.post('/changes?ack=queue', { data: 1 })
  t.strictSame(await fateOf(client, receipt), { state: 'committed', revision: 3 })
})

test('What could not be sent before a restart is sent after it', async (t) => {
  const client = await startStocked(t)
  const { raft, config: { dataDir } } = client.app
  raft.propose = async () => { throw new Error('nobody leads') }
  const receipts = []
  for (let at = 0; at < 5; at++) receipts.push((await client.post('/changes?ack=queue', { data: at })).body.receipt)
  t.equal((await client.get(`/receipts/${receipts[0]}`)).body.state, 'pending')
  await client.app.close()
  const again = await startNode(t, { dataDir })
  const fates = await Promise.all(receipts.map((receipt) => fateOf(again, receipt)))
  t.strictSame(fates.map(({ revision }) => revision), [3, 4, 5, 6, 7])
})

test('A node that is in no cluster yet queues nothing, for it could give no receipt', async (t) => {
  const client = await startNode(t, { join: '127.0.0.1:1' })
  refused(t, await client.post('/changes?ack=queue', {}), 503, 'NO_LEADER')
})
