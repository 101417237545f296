import t from 'tap'
import { until } from '../support/node.ts'
import { Cluster, type Answer, type ClusterNode } from './cluster.ts'
import { seed } from './clients.ts'

const patient = {
  CHANGEWELL_LOCK_WAIT_SECONDS: '60', CHANGEWELL_LEADER_WAIT_SECONDS: '60', CHANGEWELL_WRITE_TIMEOUT_SECONDS: '60',
}

/** Resolves when so many writes hold locks and so many wait, as the node says. */
async function held (node: ClusterNode, count: number, waiting: number): Promise<void> {
  let body: Answer['body'] = {}
  await until(async () => {
    ({ body } = await node.get('/locks'))
    return body.held === count && body.waiting === waiting
  }, `${count} to hold and ${waiting} to wait`).catch((error: Error) => { throw new Error(`${error.message}: ${JSON.stringify(body)}`) })
}

/** What the feed has for the key, in its order. */
async function written (node: ClusterNode, key: string): Promise<unknown[]> {
  const { body } = await node.get('/changes?limit=1000')
  const changes = body.changes as { key?: string, data: unknown }[]
  return changes.filter((change) => change.key === key).map(({ data }) => data)
}

t.test('Whichever node gets a write, its locks are the leader\'s, and any node shows them', async (t) => {
  const cluster = await Cluster.start(t, 3, patient)
  const leader = await cluster.leader()
  await seed(leader)
  // Nobody is to campaign while the followers hear nothing of the leader.
  t.equal((await leader.written('PUT', '/cluster/settings', { electionMs: 600_000 })).status, 200)
  const [one, other] = await cluster.followers() as [ClusterNode, ClusterNode]
  await until(async () => (await Promise.all([one, other].map((node) => node.get('/cluster/settings'))))
    .every(({ body }) => body.electionMs === 600_000), 'the settings')
  for (const node of [one, other]) node.proxy.cut(leader.id)
  const writes = [one.put('k', 'first')]
  await held(other, 1, 0)
  writes.push(leader.put('k', 'second'))
  await held(one, 1, 1)
  writes.push(other.put('k', 'third'))
  await held(leader, 1, 2)
  writes.push(other.put('elsewhere', 'beside it'))
  await held(one, 2, 2)
  t.match((await other.get('/locks')).body, { leader: leader.id })
  cluster.healAll()
  t.same((await Promise.all(writes)).map(({ status }) => status), [201, 200, 200, 201])
  t.same(await written(leader, 'k'), ['first', 'second', 'third'])
  await held(one, 0, 0)
})

t.test('A leader that steps down fails those who wait at once, and says that they may try again', async (t) => {
  const cluster = await Cluster.start(t, 3, { ...patient, CHANGEWELL_LEADER_WAIT_SECONDS: '1' })
  const leader = await cluster.leader()
  await seed(leader)
  // Long enough for the second write to wait before the leader steps down.
  t.equal((await leader.written('PUT', '/cluster/settings', { electionMs: 5000 })).status, 200)
  cluster.cutOff(leader)
  let isHeld = true
  const holder = leader.put('k', 'held', { 'idempotency-key': 'held' }).finally(() => { isHeld = false })
  await held(leader, 1, 0)
  const waiter = await leader.put('k', 'waited')
  t.match(waiter, { status: 503, body: { code: 'NO_LEADER' } })
  t.match(waiter.headers.get('retry-after'), /^\d+$/)
  t.ok(isHeld, 'long before its time was over, and while what became of the write before it is not known')
  t.match(await (await fetch(`${leader.url}/metrics`)).text(), /^changewell_lock_waits_total\{result="abandoned"\} 1$/m)
  cluster.healAll()
  await holder
  t.notOk((await written(await cluster.leader(), 'k')).includes('waited'), 'nothing was done')
})

t.test('The order of arrival at one leader is not kept at the next', async (t) => {
  const cluster = await Cluster.start(t, 3, patient)
  const leader = await cluster.leader()
  await seed(leader)
  // Long enough for all to wait before it steps down.
  t.equal((await leader.written('PUT', '/cluster/settings', { electionMs: 6000 })).status, 200)
  const [one, other] = await cluster.followers() as [ClusterNode, ClusterNode]
  await until(async () => (await Promise.all([one, other].map((node) => node.get('/cluster/settings'))))
    .every(({ body }) => body.electionMs === 6000), 'the settings')
  for (const node of [one, other]) node.proxy.cut(leader.id)
  const headers = (name: string) => ({ 'idempotency-key': name })
  const holder = leader.put('k', 'held', headers('held'))
  await held(other, 1, 0)
  const early = leader.put('k', 'early', headers('early'))
  await held(other, 1, 1)
  const late = other.put('k', 'late', headers('late'))
  await held(other, 1, 2)
  t.match((await late).status, /20[01]/, 'it goes on at the next leader, which the last one cannot reach')
  // A node answers when it has applied the write itself.
  t.same(await written(other, 'k'), ['late'])
  cluster.healAll()
  for (const { status } of await Promise.all([holder, early])) t.match(status, /20[01]/)
  t.equal((await written(leader, 'k'))[0], 'late')
  t.same((await written(leader, 'k')).sort(), ['early', 'held', 'late'])
})

t.test('When the leader changes, whoever waited there goes on at the next one, and everything is written once', async (t) => {
  const cluster = await Cluster.start(t, 3, patient)
  const leader = await cluster.leader()
  await seed(leader)
  const [one, other] = await cluster.followers() as [ClusterNode, ClusterNode]
  for (const node of [one, other]) await until(async () => (await node.get('/tenants/t/collections/c')).status === 200, 'the collection')
  for (const node of [one, other]) node.proxy.cut(leader.id)
  const headers = (name: string) => ({ 'idempotency-key': name })
  const writes = ['first', 'second', 'third'].map((name, at) => (
    [leader, one, leader][at]!.put('k', name, headers(name))))
  await until(async () => (await one.view()).leader !== leader.id && (await one.view()).leader !== null, 'another leader')
  cluster.healAll()
  for (const { status, body } of await Promise.all(writes)) t.match(status, /^20[01]$/, JSON.stringify(body))
  await held(one, 0, 0)
  await cluster.checksum()
  t.same((await written(one, 'k')).sort(), ['first', 'second', 'third'])
})
