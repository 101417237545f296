import { test } from 'tap'
import { Cluster } from '../cluster/cluster.ts'
import { authority, leaf, PemFolder } from '../support/certificates.ts'
import { spawnNode, until } from '../support/node.ts'
import { environmentOf } from './environment.ts'

test('nodes over mutual TLS write, follow a new leader, and bring a newcomer up by a snapshot', async (t) => {
  const ca = authority('Cluster CA')
  const own = new PemFolder(t).peers(leaf(ca), [ca])
  const cluster = await Cluster.start(t, 3, {
    ...environmentOf({ ...own, peerTlsIdentity: 'host' }), CHANGEWELL_LOG_SEGMENT_BYTES: '65536', CHANGEWELL_FLUSH_LOG_BYTES: '65536',
  })
  const [first] = cluster.nodes
  const done = async (answer: Promise<{ status: number }>): Promise<void> => {
    t.ok([200, 201].includes((await answer).status))
  }
  await done(first!.call('POST', '/tenants', { name: 't' }))
  await done(first!.call('POST', '/tenants/t/collections', { name: 'c' }))
  for (const node of cluster.nodes) for (let key = 0; key < 30; key++) await done(node.put(`${node.name}-${key}`, 'x'.repeat(3000)))
  await (await cluster.leader()).kill()
  const leader = await cluster.leader()
  await done(leader.put('after', 1))
  const id = leader.id
  const newcomer = await cluster.add({ CHANGEWELL_JOIN: leader.proxy.address, CHANGEWELL_ROLE: 'replica' })
  await until(async () => (await newcomer.view()).revision >= 93, 'the newcomer to have everything')
  t.match(newcomer.process.lines.join('\n'), /snapshot: installed/)
  t.equal((await newcomer.get('/tenants/t/collections/c/keys/after')).status, 200, id)
  t.equal(await cluster.checksum() !== '', true)
})

test('a node with a certificate of another authority does not join, and both sides say so', async (t) => {
  const [ca, other] = [authority('Cluster CA'), authority('Other CA')]
  const cluster = await Cluster.start(t, 1, environmentOf(new PemFolder(t).peers(leaf(ca), [ca])))
  const [member] = cluster.nodes
  const stranger = spawnNode(t, {
    ...environmentOf(new PemFolder(t).peers(leaf(other), [other, ca])), CHANGEWELL_JOIN: member!.proxy.address,
  })
  await until(() => stranger.lines.some((line) => /it waits to join the cluster/.test(line)), 'the stranger to say what it waits for')
  await until(() => member!.process.lines.some((line) => /a stranger .* was cut off: its certificate is refused/.test(line)), 'the member to tell of it')
  t.equal((await member!.view()).members.length, 1)
})
