import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { StreamReader } from '../feeds/stream-reader.ts'
import { folder, startProcess, until } from '../support/node.ts'
import { Cluster } from './cluster.ts'
import { seed, Clients } from './clients.ts'

t.test('A rolling restart under load loses nothing, and a leader that is stopped hands its place on', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  const clients = Clients.start(cluster, 3)
  for (const node of cluster.nodes) {
    await clients.acknowledged(20)
    const { term } = await node.view()
    const led = (await cluster.leader()) === node
    await node.kill('SIGTERM')
    const next = await cluster.leader()
    if (led) t.equal((await next.view()).term, term + 1, 'one election, without a timeout')
    await clients.acknowledged(20)
    // At another address each time: port 0 takes a free one, and the proxy is told.
    await node.start()
    await until(async () => (await node.get('/readyz')).status === 200, 'it to be ready')
  }
  await cluster.settled()
  await clients.end(t)
  t.comment(`the longest pause in writes during the restarts was ${Math.round(clients.pauseMs)} ms`)
  t.ok(clients.retriesMost <= 1, 'a single retry mends whatever fails')
})

t.test('All nodes are killed at once, and come back with everything', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  for (let round = 0; round < 3; round++) {
    const clients = Clients.start(cluster, 3)
    await clients.acknowledged(30)
    const nodes = cluster.up
    await Promise.all([...nodes.map((node) => node.kill()), clients.stop()])
    await Promise.all(nodes.map((node) => node.start()))
    await cluster.leader()
    await cluster.checksum()
    await clients.check(t)
  }
})

t.test('A node that comes back at another address is found again', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  const clients = Clients.start(cluster, 2)
  const [moved] = await cluster.followers()
  await moved!.kill()
  // Its proxy is not in the way any more: it says itself where it is.
  await moved!.start({ CHANGEWELL_ADVERTISE: '' })
  await until(async () => {
    const { members } = await (await cluster.leader()).view()
    const own = members.find(({ id }) => id === moved!.id)
    return own !== undefined && own.peerAddress !== moved!.proxy.address && own.peerAddress !== ''
  }, 'the node list to say so')
  t.match((await moved!.set('k', 1)).status, /20[01]/)
  await clients.acknowledged(10)
  await clients.end(t)
})

t.test('A node that runs on a copy of a member\'s folder is refused, takes no part, and the member goes on', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  // So long that only somebody who campaigns ends a term.
  t.equal((await cluster.nodes[0]!.written('PUT', '/cluster/settings', { electionMs: 10_000 })).status, 200)
  const clients = Clients.start(cluster, 2)
  await clients.acknowledged(10)
  const [member] = await cluster.followers()
  await member!.kill('SIGTERM')
  const copy = join(folder(t), 'copy')
  cpSync(member!.dataDir, copy, { recursive: true })
  await member!.start()
  await cluster.settled()
  await clients.acknowledged(10)
  const leader = await cluster.leader()
  const { term } = await leader.view()
  const twin = await startProcess(t, { CHANGEWELL_DATA_DIR: copy })
  const outside = /its id already runs at 127\.0\.0\.1:\d+, as another process: .* This node takes no more part/
  await until(() => twin.lines.some((line) => outside.test(line)), 'the copy to say that it is one')
  t.match(await (await fetch(`${twin.url}/health`)).json(), { status: 'unready', reasons: [outside] })
  const others = cluster.up.filter((node) => node !== member)
  await until(() => others.some(({ process }) => process.lines.some((line) => /refused a node: its id already runs/.test(line))), 'a member to say so')
  await clients.acknowledged(10)
  t.match(await member!.set('k', 1), { status: 201 })
  const view = await leader.view()
  t.match(view, { term, leader: leader.id }, 'nobody was made to campaign')
  t.equal(view.members.find(({ id }) => id === member!.id)?.peerAddress, member!.proxy.address)

  // Nor does it take the place of the member when that is gone for a while.
  await member!.kill('SIGTERM')
  await clients.acknowledged(10)
  await member!.start()
  await until(async () => (await member!.get('/readyz')).status === 200, 'the member to be back')
  await clients.end(t)
})

t.test('A member on an older copy of its folder says what may have become of the rest', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  const [member] = await cluster.followers()
  await member!.kill('SIGTERM')
  const copy = join(folder(t), 'copy')
  cpSync(member!.dataDir, copy, { recursive: true })
  await member!.start()
  await member!.set('k', 1)
  await cluster.checksum()
  await member!.kill('SIGTERM')
  rmSync(member!.dataDir, { recursive: true })
  cpSync(copy, member!.dataDir, { recursive: true })
  await member!.start()
  const told = /entries were lost here\. .* another process runs on a copy\. See that no other has its id/
  await until(async () => told.test(JSON.stringify((await member!.get('/health')).body)), 'it to say so')
})

t.test('Heartbeat and election times change while the cluster runs', async (t) => {
  const cluster = await Cluster.start(t, 3)
  const changed = await cluster.nodes[1]!.written('PUT', '/cluster/settings', { heartbeatMs: 20, electionMs: 200 })
  t.match(changed, { status: 200, body: { heartbeatMs: 20, electionMs: 200 } })
  t.match(await cluster.nodes[2]!.call('PUT', '/cluster/settings', { heartbeatMs: 150 }), { status: 400, body: { code: 'INVALID_FIELD' } })
  await seed(cluster.nodes[0]!)
  const clients = Clients.start(cluster, 2)
  await clients.acknowledged(10)
  const leader = await cluster.leader()
  await leader.kill()
  await cluster.leader()
  await leader.start()
  await until(async () => (await leader.get('/cluster/settings')).status === 200, 'it to follow')
  t.match((await leader.get('/cluster/settings')).body, { heartbeatMs: 20, electionMs: 200 })
  await clients.acknowledged(10)
  await clients.end(t)
})

t.test('A leader that is told to stop ends streams and long polls, and their readers go on elsewhere without a gap', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  const clients = Clients.start(cluster, 2)
  await clients.acknowledged(10)
  const leader = await cluster.leader()
  const stream = await StreamReader.open(t, `${leader.url}/changes`, { framing: 'sse', since: 0 })
  await until(() => stream.changes.length >= 10, 'the stream to begin')
  const polled = leader.get('/changes?since=now&tag=nobody&block=60').catch((error: Error) => ({ status: error.message }))
  // An answer that came after it says that the poll waits by now.
  t.match(await leader.get('/readyz'), { status: 200 })
  await leader.kill('SIGTERM')
  t.equal(await stream.ended, true, 'the stream ends as a whole response')
  t.match(String((await polled).status), /^(200|503)$/, 'the poll is answered')

  const [other] = await cluster.followers()
  const again = await StreamReader.open(t, `${other!.url}/changes`, { framing: 'sse', lastEventId: stream.lastEventId })
  await until(() => again.changes.length >= 10, 'the stream to go on')
  const revisions = [...stream.changes, ...again.changes].map(({ revision }) => revision)
  t.same(revisions, revisions.map((_, at) => at + 1), 'without a gap or a repeat')
  await leader.start()
  await clients.acknowledged(10)
  await clients.end(t)
})
