import t from 'tap'
import { Cluster } from './cluster.ts'
import { Clients, seed } from './clients.ts'

/** So little that a few writes are beyond what the log keeps. */
const smallLog = { CHANGEWELL_LOG_SEGMENT_BYTES: '65536', CHANGEWELL_FLUSH_LOG_BYTES: '65536' }

t.test('Nodes that join one after another past compaction each get a snapshot that knows them', async (t) => {
  const cluster = await Cluster.start(t, 1, smallLog)
  const [first] = cluster.nodes as [typeof cluster.nodes[0]]
  await seed(first)
  for (let n = 0; n < 60; n++) await first.set(`filler-${n % 5}`, 'x'.repeat(20_000))
  const clients = Clients.start(cluster, 2)
  for (let n = 0; n < 2; n++) {
    await cluster.add({ CHANGEWELL_JOIN: first.proxy.address })
    // The second finds the snapshot that was made for the first, in which it is no member yet.
    await cluster.settled()
    await clients.acknowledged(10)
  }
  await clients.end(t)
})
