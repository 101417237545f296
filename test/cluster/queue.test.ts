import t from 'tap'
import { until } from '../support/node.ts'
import { Cluster, type ClusterNode } from './cluster.ts'
import { seed } from './clients.ts'
import { fateThrough } from './fate.ts'

const key = '/tenants/t/collections/c/keys/k'

interface QueueView {
  writes: number
  waitsFor: string | null
  first: { receipt: string }[]
}

async function queueOf (node: ClusterNode): Promise<QueueView> {
  return (await node.get('/queue')).body as unknown as QueueView
}

t.test('A queue takes writes in while nobody leads, through a kill, and sends them on when somebody does', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  const [left, ...others] = cluster.nodes as [ClusterNode, ...ClusterNode[]]
  await cluster.checksum()
  for (const node of others) await node.kill()
  await until(async () => (await left.view()).leader === null, 'the leader to step down')
  const queued: string[] = []
  const add = async (path: string, data: unknown): Promise<void> => {
    const answer = await left.call('PUT', `${path}?ack=queue`, { data })
    t.match(answer, { status: 202 }, JSON.stringify(answer.body))
    queued.push(answer.body.receipt as string)
  }
  for (let n = 0; n < 5; n++) await add(key, n)
  await add('/tenants/nobody/collections/c/keys/k', 'nowhere')
  await until(async () => (await queueOf(left)).waitsFor !== null, 'the reason to be known')
  t.match(await queueOf(left), { writes: 6, waitsFor: /1 of 3 voters can be reached/ })
  t.match(await left.get(`/receipts/${queued[0]}`), { status: 200, body: { state: 'pending' } })

  await left.kill()
  await left.start()
  await add(key, 5)
  t.match(await queueOf(left), { writes: 7 })
  for (const node of others) await node.start()
  const fates = await Promise.all(queued.map((receipt) => fateThrough(others[0]!, receipt)))
  const [nowhere] = fates.splice(5, 1)
  t.match(nowhere, { state: 'rejected', problem: { code: 'TENANT_NOT_FOUND' } })
  const revisions = fates.map(({ revision }) => revision as number)
  t.strictSame(revisions, revisions.map((_, at) => revisions[0]! + at), 'one after another')
  t.match(await others[1]!.get(key), { body: { data: 5, revision: revisions.at(-1) } })
  await until(async () => (await queueOf(left)).writes === 0, 'the queue to be empty')
  await cluster.checksum()
})

t.test('Queues are sent on through leaders that are killed, each write once', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  const queued: { data: string, receipt: string }[] = []
  for (let round = 0; round < 3; round++) {
    const leader = await cluster.leader()
    const [sender] = await cluster.followers()
    const add = async (n: number): Promise<void> => {
      const data = `${round}-${n}`
      const answer = await sender!.call('POST', '/changes?ack=queue', { data })
      t.match(answer, { status: 202 }, JSON.stringify(answer.body))
      queued.push({ data, receipt: answer.body.receipt as string })
    }
    for (let n = 0; n < 10; n++) await add(n)
    await Promise.all([leader.kill(), add(10), add(11)])
    await cluster.leader()
    for (let n = 12; n < 20; n++) await add(n)
    await leader.start()
  }
  const fates = await Promise.all(queued.map(({ receipt }) => fateThrough(cluster.nodes[0]!, receipt)))
  const { changes } = (await cluster.nodes[0]!.get('/changes?limit=1000')).body as { changes: { revision: number, data: unknown }[] }
  const texts = changes.map(({ data }) => data)
  for (const [at, { data }] of queued.entries()) {
    t.equal(texts.filter((text) => text === data).length, 1, `${data} is there once`)
    t.match(fates[at], { state: 'committed', revision: changes.find((change) => change.data === data)!.revision })
  }
  await cluster.checksum()
})

t.test('A node that was removed keeps its queue and says so, and takes nothing more into it', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  const leader = await cluster.leader()
  const removed = (await cluster.followers())[0]!
  cluster.cutOff(removed)
  await until(async () => (await removed.view()).leader === null, 'the node to be alone')
  const { body } = await removed.call('PUT', `${key}?ack=queue`, { data: 'stranded' })
  t.match(await leader.call('DELETE', `/cluster/members/${removed.id}?wait=10`), { status: /20[24]/ })
  cluster.healAll()
  await until(async () => /was removed/.test((await queueOf(removed)).waitsFor ?? ''), 'the node to learn it', 60)
  t.match(await queueOf(removed), { writes: 1, first: [{ receipt: body.receipt as string }] })
  t.match(await removed.call('PUT', `${key}?ack=queue`, { data: 'more' }), { status: 503, body: { code: 'NO_LEADER', detail: /removed/ } })
  t.match(await leader.get(`/receipts/${body.receipt as string}`), { body: { state: 'pending' } })
})
