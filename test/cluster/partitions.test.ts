import t from 'tap'
import { until } from '../support/node.ts'
import { Cluster } from './cluster.ts'
import { seed, Clients } from './clients.ts'

t.test('A leader that is cut off steps down, the others go on, and all agree when it heals', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  const clients = Clients.start(cluster, 3)
  for (let round = 0; round < 2; round++) {
    await clients.acknowledged(20)
    const leader = await cluster.leader()
    cluster.cutOff(leader)
    await until(async () => (await leader.view()).leader === null, 'it to step down')
    const others = cluster.up.filter((node) => node !== leader)
    const next = await cluster.leader(others)
    t.not(next, leader)
    t.match(await leader.get('/tenants/t/collections/c/keys/k0'), { status: 503 }, 'no stale read')
    await clients.acknowledged(20)
    cluster.healAll()
    await until(async () => (await leader.view()).leader !== null, 'it to follow')
  }
  await clients.end(t)
})

t.test('A follower that hears nobody and is heard disturbs nothing; a leader that nobody hears steps down', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  // So long that only what the test does ends a term.
  t.match(await cluster.nodes[0]!.written('PUT', '/cluster/settings', { heartbeatMs: 100, electionMs: 4000 }), { status: 200 })
  const clients = Clients.start(cluster, 2)
  const leader = await cluster.leader()
  const [deaf] = await cluster.followers()
  const { term } = await leader.view()
  // One way: what it says gets through, what is said to it does not.
  deaf!.proxy.cut('*')
  await until(async () => (await deaf!.view()).leader === null, 'it to miss the leader')
  await clients.acknowledged(50)
  t.equal((await leader.view()).term, term, 'the others keep their leader and their term')
  deaf!.proxy.healAll()
  await until(async () => (await deaf!.view()).leader === leader.id, 'it to follow again')
  t.equal((await leader.view()).term, term)

  // The other way: it hears the others, and none of them hears it.
  for (const node of cluster.nodes) if (node !== leader) node.proxy.cut(leader.id)
  await until(async () => (await cluster.leader(cluster.up.filter((node) => node !== leader))) !== leader, 'another leader')
  await clients.acknowledged(20)
  cluster.healAll()
  await clients.end(t)
})

t.test('A leader that was stopped and goes on finds that another leads', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  const clients = Clients.start(cluster, 3)
  await clients.acknowledged(20)
  const leader = await cluster.leader()
  leader.process.child.kill('SIGSTOP')
  const others = cluster.nodes.filter((node) => node !== leader)
  const next = await cluster.leader(others)
  for (let n = 0; n < 10; n++) t.match((await next.set('during', n)).status, /20[01]/)
  leader.process.child.kill('SIGCONT')
  const read = await leader.get('/tenants/t/collections/c/keys/during')
  t.match(read.body, read.status === 200 ? { data: 9 } : { code: 'NO_LEADER' }, 'nothing stale is read as linearizable')
  await until(async () => (await leader.view()).leader === (await cluster.leader(others)).id, 'it to follow')
  await clients.acknowledged(20)
  await clients.end(t)
})
