import t from 'tap'
import { until } from '../support/node.ts'
import { Cluster } from '../cluster/cluster.ts'

t.test('A node joins through a member that does not lead, and while a leader is being elected', async (t) => {
  const cluster = await Cluster.start(t, 3)
  const [follower] = await cluster.followers()
  const added = await cluster.add({ CHANGEWELL_JOIN: follower!.proxy.address })
  await cluster.settled()
  t.equal((await added.view()).members.length, 4)

  // Long enough for somebody to ask while there is no leader.
  await follower!.call('PUT', '/cluster/settings', { heartbeatMs: 100, electionMs: 3000 })
  const leader = await cluster.leader()
  const asked = cluster.up.find((node) => node !== leader)!
  await leader.kill()
  const late = await cluster.add({ CHANGEWELL_JOIN: asked.proxy.address })
  await until(async () => {
    const { members } = await late.view()
    return members.length === 5 && members.find(({ id }) => id === late.id)?.state === 'voter'
  }, 'it to be a voter', 60)
})

t.test('Two that join at one time are both taken in, and one that asks twice is one member', async (t) => {
  const cluster = await Cluster.start(t, 1)
  const { address } = cluster.nodes[0]!.proxy
  const join = { CHANGEWELL_JOIN: address }
  const [one] = await Promise.all([cluster.add(join), cluster.add(join)])
  await cluster.settled()
  const request = {
    id: one.id, role: 'voter', peerAddress: one.proxy.address, apiAddress: new URL(one.url).host, isEmpty: false,
  }
  const headers = { 'content-type': 'application/json' }
  const call = { method: 'POST', headers, body: JSON.stringify(request) }
  const addresses = cluster.nodes.map(({ proxy }) => proxy.address)
  const answers = await Promise.all(addresses.map((each) => fetch(`http://${each}/join`, call)))
  t.same(answers.map(({ status }) => status), [200, 200, 200], 'whoever is asked')
  t.equal((await one.view()).members.length, 3)
})
