import t from 'tap'
import { until } from '../support/node.ts'
import { Cluster } from './cluster.ts'
import { seed, Clients } from './clients.ts'

const smallLog = { CHANGEWELL_LOG_SEGMENT_BYTES: '65536', CHANGEWELL_FLUSH_LOG_BYTES: '65536' }

t.test('A follower that was away past compaction gets a snapshot while writes go on, and its feed has no gap', async (t) => {
  const cluster = await Cluster.start(t, 3, smallLog)
  const leader = await cluster.leader()
  await seed(leader)
  const [away] = await cluster.followers()
  await away!.kill()
  const filler = 'x'.repeat(20_000)
  for (let n = 0; n < 60; n++) await leader.set(`filler-${n % 5}`, filler)
  const clients = Clients.start(cluster, 2)
  await clients.acknowledged(20)
  await away!.start()
  await until(async () => (await away!.get('/readyz')).status === 200, 'it to be ready', 60)
  await until(() => away!.process.lines.some((line) => line.includes('snapshot: installed')), 'the snapshot to be installed')
  await clients.acknowledged(20)
  await clients.end(t)

  // It counts in a majority, and leads, with what it got.
  t.match(await leader.call('PUT', '/cluster/leader', { id: away!.id }), { status: 200 })
  t.match(await away!.get('/tenants/t/collections/c/keys/filler-1'), { status: 200, body: { data: filler } })
})

t.test('A node that joins after compaction begins with a snapshot, and survives a kill while it installs', async (t) => {
  const cluster = await Cluster.start(t, 1, { ...smallLog, CHANGEWELL_SNAPSHOT_BYTES_PER_SECOND: '1048576' })
  const [first] = cluster.nodes as [typeof cluster.nodes[0]]
  await seed(first)
  for (let n = 0; n < 150; n++) await first.set(`filler-${n}`, 'x'.repeat(20_000))
  const second = await cluster.add({ CHANGEWELL_JOIN: first.proxy.address })
  await until(() => second.process.lines.some((line) => line.includes('snapshot: fetching')), 'the transfer to begin')
  await second.kill()
  await second.start({ CHANGEWELL_JOIN: first.proxy.address })
  await until(() => second.process.lines.some((line) => line.includes('snapshot: installing')), 'it to be installed', 60)
  await second.kill()
  await second.start({ CHANGEWELL_JOIN: first.proxy.address })
  const clients = Clients.start(cluster, 2)
  await cluster.settled()
  await clients.acknowledged(10)
  await clients.end(t)
  t.match(await second.get('/tenants/t/collections/c/keys/filler-149'), { status: 200 })
  const { body } = await second.get('/changes?limit=1000')
  const revisions = (body.changes as { revision: number }[]).map(({ revision }) => revision)
  t.ok(revisions.length > 152)
  t.same(revisions, revisions.map((_, at) => at + 1))
})
