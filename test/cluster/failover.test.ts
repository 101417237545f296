import t from 'tap'
import { StreamReader } from '../feeds/stream-reader.ts'
import { until } from '../support/node.ts'
import { Cluster } from './cluster.ts'
import { seed, Clients } from './clients.ts'

t.test('Writes and reads through any node; nothing is lost when the leader is killed', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  for (const node of cluster.nodes) {
    const { status, body } = await node.set('k', node.name)
    t.match(status, /20[01]/, JSON.stringify(body))
    for (const other of cluster.nodes) {
      const read = await other.get('/tenants/t/collections/c/keys/k')
      t.match(read.body, { data: node.name, revision: body.revision }, `${other.name} reads what ${node.name} wrote`)
    }
  }

  const clients = Clients.start(cluster, 4)
  for (let round = 0; round < 3; round++) {
    await clients.acknowledged(20)
    const leader = await cluster.leader()
    await leader.kill()
    await clients.acknowledged(20)
    await leader.start()
  }
  await clients.acknowledged(20)
  await cluster.settled()
  await clients.end(t)
})

t.test('Without a majority writes are refused with the reason, local reads and feeds go on, and it recovers', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  await cluster.nodes[0]!.set('k', 'before')
  const [left, ...others] = cluster.nodes as [typeof cluster.nodes[0], ...typeof cluster.nodes]
  await until(async () => (await left.get('/tenants/t/collections/c/keys/k?consistency=local')).status === 200, 'the write')
  const clients = Clients.start(cluster, 2)
  await clients.acknowledged(10)
  const stream = await StreamReader.open(t, `${left.url}/changes`, { framing: 'ndjson', since: 0 })
  for (const node of others) await node.kill()

  // What the leader had taken in by then may still happen; after that it knows better.
  await until(async () => (await left.view()).leader === null, 'the leader to step down')
  const refused = await left.put('k', 'during')
  t.match(refused, { status: 503, body: { code: 'NO_LEADER', detail: /1 of 3 voters can be reached, and 2 are needed/ } })
  t.ok(refused.headers.get('retry-after'))
  t.match(await left.get('/tenants/t/collections/c/keys/k'), { status: 503, body: { code: 'NO_LEADER' } })
  t.match(await left.get('/tenants/t/collections/c/keys/k?consistency=local'), { status: 200, body: { data: 'before' } })
  t.match(await left.get('/changes'), { status: 200 })
  const { revision: last } = await left.view()
  await until(() => stream.changes.at(-1)?.revision === last, 'the stream to have what the node has')
  t.match(await left.get('/readyz'), { status: 503, body: { code: 'NOT_READY', detail: /raft: no leader/ } })
  t.match(await left.get('/livez'), { status: 200 })

  for (const node of others) await node.start()
  await cluster.leader()
  const after = await left.set('k', 'after')
  t.match(after, { status: 200 })
  await until(() => stream.changes.some(({ revision }) => revision === after.body.revision), 'the stream to go on')
  t.same(stream.changes.map(({ revision }) => revision), stream.changes.map((_, at) => at + 1), 'without a gap')
  await clients.acknowledged(10)
  await clients.end(t)
})

t.test('A node waits for a revision that was written elsewhere', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  const [a, b] = cluster.nodes as [typeof cluster.nodes[0], typeof cluster.nodes[0]]
  const clients = Clients.start(cluster, 2)
  for (let n = 0; n < 20; n++) {
    const { body } = await a.set('k', n)
    const revision = String(body.revision)
    const read = await b.get('/tenants/t/collections/c/keys/k?consistency=local', { 'changewell-min-revision': revision })
    t.match(read, { status: 200, body: { data: n } })
  }
  const { body } = await b.get('/tenants/t/collections/c/keys/k', { 'changewell-min-revision': '999999' })
  t.match(body, { code: 'REVISION_TIMEOUT', status: 504, wanted: 999999 })
  await clients.end(t)
})
