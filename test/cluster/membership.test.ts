import { readdir, rm } from 'node:fs/promises'
import t from 'tap'
import { until } from '../support/node.ts'
import { Cluster } from './cluster.ts'
import { seed, Clients } from './clients.ts'

t.test('A cluster grows from one to five and shrinks to one while it is written to', async (t) => {
  const cluster = await Cluster.start(t, 1)
  const [first] = cluster.nodes as [typeof cluster.nodes[0]]
  await seed(first)
  const clients = Clients.start(cluster, 3)
  await clients.acknowledged(20)
  for (let n = 0; n < 4; n++) {
    // Any member may be asked.
    await cluster.add({ CHANGEWELL_JOIN: cluster.nodes[n]!.proxy.address })
    await cluster.settled()
    await clients.acknowledged(10)
  }
  t.same((await first.view()).members.map(({ state }) => state), Array(5).fill('voter'))
  await cluster.checksum()

  // The leader first: it hands its place on.
  for (let n = 0; n < 4; n++) {
    const leader = await cluster.leader()
    const gone = n % 2 === 0 ? leader : cluster.up.find((node) => node !== leader)!
    const asked = cluster.up.find((node) => node !== gone)!
    const { status, body } = await asked.call('DELETE', `/cluster/members/${gone.id}`)
    t.equal(status, 204, JSON.stringify(body))
    await until(async () => /removed from the cluster/.test(String((await gone.get('/readyz')).body.detail)), 'the removed node to say so')
    const refused = await gone.put('k', 1)
    t.match(refused, { status: 503, body: { code: 'NO_LEADER', detail: /removed from the cluster/ } })
    await gone.kill('SIGTERM')
    await cluster.settled()
    await clients.acknowledged(10)
  }
  t.equal(cluster.up.length, 1)
  await clients.end(t)
})

t.test('Two nodes are replaced at once, a replica only reads, and roles change', async (t) => {
  const cluster = await Cluster.start(t, 3)
  const leader = await cluster.leader()
  await seed(leader)
  const clients = Clients.start(cluster, 2)
  const [c, d] = await cluster.followers()
  const [e, f] = await Promise.all([
    cluster.add({ CHANGEWELL_JOIN: leader.proxy.address }), cluster.add({ CHANGEWELL_JOIN: leader.proxy.address }),
  ])
  await cluster.settled()
  const removed = await Promise.all([c!, d!].map((node) => leader.call('DELETE', `/cluster/members/${node.id}`)))
  t.same(removed.map(({ status }) => status), [204, 204])
  await Promise.all([c!.kill(), d!.kill()])
  t.match(await e.set('k', 1), { status: 201 })

  const replica = await cluster.add({ CHANGEWELL_JOIN: f.proxy.address, CHANGEWELL_ROLE: 'replica' })
  await cluster.settled()
  t.match(await replica.get('/tenants/t/collections/c/keys/k'), { status: 200, body: { data: 1 } }, 'linearizable')
  t.match(await replica.set('k', 2), { status: 200 }, 'it passes writes on')
  const promoted = await leader.call('PUT', `/cluster/members/${replica.id}`, { role: 'voter' })
  t.match(promoted, { status: 200, body: { role: 'voter', state: 'voter' } })
  const demoted = await leader.call('PUT', `/cluster/members/${replica.id}`, { role: 'replica' })
  t.match(demoted, { status: 200, body: { role: 'replica', state: 'replica' } })

  const to = [leader, e, f].find((node) => node !== leader)!
  t.match(await leader.call('PUT', '/cluster/leader', { id: to.id }), { status: 200, body: { leader: to.id } })
  t.equal(await cluster.leader(), to)
  const follower = [leader, e, f].find((node) => node !== to)!
  t.match(await follower.call('PUT', '/cluster/leader', { from: follower.id }), { status: 200, body: { leader: to.id } })
  t.equal(await cluster.leader(), to, 'who does not lead hands nothing on')
  const handed = await follower.call('PUT', '/cluster/leader', {})
  t.match(handed, { status: 200, body: { leader: (await cluster.leader()).id } }, 'any node takes it, and names who leads')
  t.not(handed.body.leader, to.id)
  const heir = cluster.byId(handed.body.leader as string)
  const next = await heir.call('PUT', '/cluster/leader', { from: heir.id })
  t.match(next, { status: 200, body: { leader: (await cluster.leader()).id } })
  t.not(next.body.leader, heir.id)
  const { status, body } = await leader.get('/tenants/_system/collections/nodes/keys')
  t.equal(status, 200)
  const ids = (body.keys as { data: { id: string } }[]).map(({ data }) => data.id)
  t.same(ids.sort(), cluster.up.map(({ id }) => id).sort())
  await clients.acknowledged(10)
  await clients.end(t)
})

t.test('A removed id is not used again, and a node that lost its data joins under a new one', async (t) => {
  const cluster = await Cluster.start(t, 3)
  const leader = await cluster.leader()
  await seed(leader)
  const clients = Clients.start(cluster, 2)
  await clients.acknowledged(10)
  const [lost] = await cluster.followers()
  await lost!.kill()
  // Its data is gone, but the file with its id is not.
  for (const name of await readdir(lost!.dataDir)) {
    if (name !== 'node-id') await rm(`${lost!.dataDir}/${name}`, { recursive: true })
  }
  const old = lost!.id
  await lost!.start({ CHANGEWELL_JOIN: leader.proxy.address })
  await until(async () => (await lost!.view()).members.filter(({ state }) => state === 'voter').length === 4, 'a new voter')
  const { id } = await lost!.view()
  t.not(id, old)
  const advice = new RegExp(`If the old one is gone for good, remove it .changewell member remove ${old}.`)
  t.ok(lost!.process.lines.some((line) => advice.test(line)))
  t.match(await leader.call('DELETE', `/cluster/members/${old}`), { status: 204 })
  t.match(await leader.call('POST', '/cluster/members?wait=0', { id: old, peerAddress: 'a:1', apiAddress: 'a:2' }), {
    status: 410, body: { code: 'NODE_REMOVED' },
  })
  await clients.acknowledged(10)
  await clients.end(t)
})

t.test('Two clusters whose nodes are pointed at each other stay apart', async (t) => {
  // Of three: a majority goes on without the one that tells a wrong address.
  const a = await Cluster.start(t, 3)
  const b = await Cluster.start(t, 3)
  await Promise.all([a, b].map((cluster) => seed(cluster.nodes[0]!)))
  const both = [a, b].map((cluster) => Clients.start(cluster, 2))
  const [one] = await a.followers()
  const [other] = await b.followers()
  // Behind the address of one is now the other, and the reverse.
  await Promise.all([one!.kill(), other!.kill()])
  await Promise.all([
    one!.start({ CHANGEWELL_ADVERTISE: other!.proxy.address }),
    other!.start({ CHANGEWELL_ADVERTISE: one!.proxy.address }),
  ])
  for (const cluster of [a, b]) {
    const leader = await cluster.leader()
    t.match((await leader.set('k', 'x')).status, /20[01]/)
  }
  const [viewA, viewB] = await Promise.all([a, b].map(async (cluster) => (await cluster.leader()).view()))
  t.not(viewA!.clusterId, viewB!.clusterId)
  t.same(viewA!.members.map(({ id }) => id).sort(), a.nodes.map(({ id }) => id).sort())
  t.same(viewB!.members.map(({ id }) => id).sort(), b.nodes.map(({ id }) => id).sort())
  // Told its own address again, each is the member that it was.
  await Promise.all([one!.kill(), other!.kill()])
  await Promise.all([one!.start(), other!.start()])
  for (const clients of both) {
    await clients.acknowledged(10)
    await clients.end(t)
  }
})
