import { join } from 'node:path'
import t from 'tap'
import { hangable, hangDisk } from '../support/hung-disk.ts'
import { until } from '../support/node.ts'
import { smallDisk } from '../support/small-disk.ts'
import { Clients, seed } from './clients.ts'
import { Cluster, type ClusterNode } from './cluster.ts'
import { comesBack } from './comes-back.ts'

const smallLog = {
  CHANGEWELL_LOG_SEGMENT_BYTES: '65536', CHANGEWELL_FLUSH_LOG_BYTES: '262144', CHANGEWELL_DISK_SECONDS: '1',
}

t.test('One node\'s disk fills up, as a follower and as leader: the others go on, and with room again it comes back', async (t) => {
  const disk = await smallDisk(t)
  const cluster = await Cluster.start(t, 2, smallLog)
  const node = await cluster.add({
    CHANGEWELL_JOIN: cluster.nodes[0]!.proxy.address, CHANGEWELL_DATA_DIR: join(disk.path, 'data'), ...disk.environment,
  })
  await cluster.settled()
  await seed(cluster.nodes[0]!)
  const clients = Clients.start(cluster, 3)
  const [other] = cluster.nodes as [ClusterNode]
  const filler = 'x'.repeat(20_000)

  for (const leads of [false, true]) {
    const leader = leads ? node : other
    await until(async () => (await node.call('PUT', '/cluster/leader', { id: leader.id })).status === 200, 'leadership')
    disk.fill()
    await until(async () => (await node.get('/readyz')).status === 503, 'the node to be unready')
    t.match(await node.put('k', 1), { status: 503, body: { code: /DISK_FULL|STORAGE_FAILED|NO_LEADER/, detail: String } })
    // More than what the log has room for already.
    for (let n = 0; n < 30; n++) await until(async () => (await other.put('filler', filler)).status < 300, 'a write elsewhere')
    await clients.acknowledged(20)
    if (disk.isReal) {
      await until(async () => (await other.view()).leader !== node.id, 'another to lead')
      const { body } = await node.get('/readyz')
      t.match(body.detail, /disk|log|writes have failed|no leader/, 'it says why it is unready')
    }
    t.match(await node.get('/livez'), { status: 200 })
    disk.free()
    t.comment(`it came back ${await comesBack(node)}`)
    // Asked again with the same key it is the same write, also where its leader steps down in between.
    const again = { 'idempotency-key': `back-${leads}` }
    await until(async () => (await node.put('k', 2, again)).status < 300, 'a write through it')
  }
  await cluster.settled()
  await clients.end(t)
})

t.test('A leader whose disk hangs steps down and is unready, the others go on, and it comes back', async (t) => {
  const cluster = await Cluster.start(t, 3, { ...hangable, CHANGEWELL_DISK_SECONDS: '1' })
  await seed(cluster.nodes[0]!)
  const clients = Clients.start(cluster, 3)
  await clients.acknowledged(20)
  const leader = await cluster.leader()
  const release = hangDisk(leader.process.child.pid!)
  t.teardown(release)
  const others = cluster.nodes.filter((node) => node !== leader)
  await until(async () => /the disk does not answer/.test(String((await leader.get('/readyz')).body.detail)), 'it to say why it is unready')
  t.not(await cluster.leader(others), leader)
  await clients.acknowledged(20)
  t.match(await leader.get('/livez'), { status: 200 })
  t.not(await cluster.leader(others), leader, 'it does not lead again while its disk hangs')
  release()
  await until(async () => (await leader.get('/readyz')).status === 200, 'it to come back', 60)
  await clients.acknowledged(20)
  await clients.end(t)
})
