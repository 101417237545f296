import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { seed } from '../cluster/clients.ts'
import { Cluster } from '../cluster/cluster.ts'
import { authority, leaf, PemFolder } from '../support/certificates.ts'
import { folder, spawnNode, until } from '../support/node.ts'
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
  await seed(first!)
  for (const node of cluster.nodes) for (let key = 0; key < 30; key++) await done(node.set(`${node.name}-${key}`, 'x'.repeat(3000)))
  await (await cluster.leader()).kill()
  const leader = await cluster.leader()
  await done(leader.set('after', 1))
  const id = leader.id
  const newcomer = await cluster.add({ CHANGEWELL_JOIN: leader.proxy.address, CHANGEWELL_ROLE: 'replica' })
  await until(async () => (await newcomer.view()).revision >= 93, 'the newcomer to have everything')
  await until(() => newcomer.process.lines.some((line) => /snapshot: installed/.test(line)), 'it to say that it got a snapshot')
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

test('where certificates are tied to ids, a node waits until its certificate has the id that it gave itself', async (t) => {
  const ca = authority('Cluster CA')
  const names = ['localhost', '127.0.0.1']
  const named = (id: string) => leaf(ca, { names: [...names, `urn:changewell:node:${id}`] })
  const [pem, other] = [new PemFolder(t), new PemFolder(t)]
  const tied = { peerTlsIdentity: 'node-id' }
  const cluster = await Cluster.start(t, 1, environmentOf({ ...pem.peers(leaf(ca), [ca]), ...tied }))
  const [first] = cluster.nodes
  const lacks = new RegExp(`will refuse this one .* URI:urn:changewell:node:${first!.id} is missing`)
  await until(() => first!.process.lines.some((line) => lacks.test(line)), 'also the first to say what its certificate lacks')
  pem.peers(named(first!.id), [ca])
  const dataDir = folder(t)
  const second = spawnNode(t, {
    ...environmentOf({ ...other.peers(leaf(ca), [ca]), ...tied, dataDir }), CHANGEWELL_JOIN: first!.proxy.address,
  })
  const waits = /it waits to join .* URI:urn:changewell:node:[0-9a-f]{16} is missing/
  await until(() => second.lines.some((line) => waits.test(line)), 'it to say what is missing', 60)
  t.equal((await first!.view()).members.length, 1)
  const id = readFileSync(join(dataDir, 'node-id'), 'utf8').trim()
  other.peers(named(id), [ca])
  const member = async () => (await first!.view()).members.find((found) => found.id === id)
  await until(async () => (await member())?.state === 'voter', 'it to be a voter', 120)
})
