import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { startProcess, until } from '../support/node.ts'
import { Cluster } from '../cluster/cluster.ts'
import { says } from './world.ts'

t.test('A node joins through a member that does not lead, and while a leader is being elected', async (t) => {
  const cluster = await Cluster.start(t, 3)
  const [follower] = await cluster.followers()
  const added = await cluster.add({ CHANGEWELL_JOIN: follower!.proxy.address })
  await cluster.settled()
  t.equal((await added.view()).members.length, 4)

  // Long enough for somebody to ask while there is no leader.
  await follower!.written('PUT', '/cluster/settings', { heartbeatMs: 100, electionMs: 3000 })
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

t.test('Where members of two clusters are named, a node joins neither, and says which are there', async (t) => {
  const [a, b] = await Promise.all([Cluster.start(t, 1), Cluster.start(t, 1)])
  const lost = await a.add({ CHANGEWELL_JOIN: `${a.nodes[0]!.proxy.address},${b.nodes[0]!.proxy.address}` })
  let detail = ''
  await until(async () => {
    detail = String((await lost.get('/readyz')).body.detail)
    return /members of several clusters/.test(detail)
  }, 'it to say so')
  for (const { nodes } of [a, b]) {
    const { clusterId, members } = await nodes[0]!.view()
    t.match(detail, clusterId)
    t.equal(members.length, 1)
  }
  // A member stays in its own, whatever it is told to join.
  await lost.kill()
  await lost.start({ CHANGEWELL_JOIN: a.nodes[0]!.proxy.address })
  await a.settled()
  await lost.kill()
  await lost.start({ CHANGEWELL_JOIN: b.nodes[0]!.proxy.address })
  await a.settled()
  const [own, other] = [(await a.nodes[0]!.view()).clusterId, (await b.nodes[0]!.view()).clusterId]
  t.equal((await lost.view()).clusterId, own)
  t.equal((await b.nodes[0]!.view()).members.length, 1)
  t.match(await says(lost.process, /is to join another/),
    new RegExp(`its cluster, ${own}, .*\\(CHANGEWELL_JOIN\\) belongs to ${other}\\. .* an empty data folder.* unset CHANGEWELL_JOIN`))
})

t.test('Nodes that are told to join each other form no cluster, and say that the others have none', async (t) => {
  const cluster = await Cluster.start(t, 1)
  const one = await cluster.add({ CHANGEWELL_JOIN: '127.0.0.1:1' })
  const other = await cluster.add({ CHANGEWELL_JOIN: one.proxy.address })
  await one.kill()
  await one.start({ CHANGEWELL_JOIN: `${other.proxy.address},${one.proxy.address}` })
  const waits = (node: typeof one, words: RegExp) => until(async () => (
    words.test(String((await node.get('/readyz')).body.detail))), `${node.name} to say ${words}`)
  await waits(one, /belongs to no cluster yet/)
  await waits(one, /is this node itself/)
  await waits(other, /belongs to no cluster yet/)
  for (const node of [one, other]) t.equal((await node.view()).clusterId, null)
})

t.test('A new node that cannot work out its own address says what it waits for, in the log and in /readyz', async (t) => {
  const node = await startProcess(t, { CHANGEWELL_JOIN: 'nosuch.invalid:42001' })
  const words = /where others reach it: the way to those that it is to join is not known: the name nosuch\.invalid/
  await says(node, words)
  const answer = await fetch(`${node.url}/readyz`)
  t.equal(answer.status, 503)
  t.match(await answer.json(), { detail: words })
})

t.test('A port for clients is told from one for nodes, and whoever says nothing holds nobody up', async (t) => {
  const silent = createTcpServer(() => {}).listen(0, '127.0.0.1')
  t.teardown(() => silent.close())
  await new Promise((resolve) => { silent.once('listening', resolve) })
  const cluster = await Cluster.start(t, 1)
  const [member] = cluster.nodes
  const mistaken = new URL(member!.url).host
  const wrong = await cluster.add({ CHANGEWELL_JOIN: mistaken })
  const told = new RegExp(`${mistaken} .CHANGEWELL_JOIN. .*it looks like a port for clients; name the one for other nodes`)
  await until(async () => told.test(String((await wrong.get('/readyz')).body.detail)), 'it to say so')
  await wrong.kill()
  const { port } = silent.address() as AddressInfo
  const node = await cluster.add({ CHANGEWELL_JOIN: `127.0.0.1:${port},${member!.proxy.address}` })
  await until(async () => (await member!.view()).members.some(({ id, state }) => id === node.id && state === 'voter'), 'it to be a voter')
})

t.test('Whoever answers as no node does is not believed, and the node goes on waiting', async (t) => {
  const answers: Record<string, unknown> = { '/identity': [] }
  const server = createServer(({ url }, response) => response.end(JSON.stringify(answers[url!]))).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise((resolve) => { server.once('listening', resolve) })
  const cluster = await Cluster.start(t, 1)
  const stranger = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const node = await cluster.add({ CHANGEWELL_JOIN: stranger })
  const detail = async (): Promise<string> => String((await node.get('/readyz')).body.detail)
  await until(async () => /cannot be reached: .* answers as no node does/.test(await detail()), 'it to say so')
  answers['/identity'] = { id: '1'.repeat(16), clusterId: '2'.repeat(16), instance: '3'.repeat(16) }
  for (const answer of [{}, { clusterId: '2'.repeat(16), members: [null] }]) {
    answers['/join'] = answer
    await until(async () => /: [^:]*:\d+ answers as no node does/.test(await detail()), 'it to say so of the call to join')
  }
  t.equal((await node.view()).clusterId, null)
})
