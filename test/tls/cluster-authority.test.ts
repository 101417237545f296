import { connect } from 'node:tls'
import { once } from 'node:events'
import { Agent } from 'node:https'
import { test, type Test } from 'tap'
import { seed } from '../cluster/clients.ts'
import { Cluster, type ClusterNode } from '../cluster/cluster.ts'
import { authority, leaf, PemFolder } from '../support/certificates.ts'
import { until } from '../support/node.ts'
import { environmentOf } from './environment.ts'
import { ask, knock, show } from './https.ts'

const [old, next] = [authority('Old CA'), authority('Next CA')]
const [servers, clients] = [authority('Server CA'), authority('Client CA')]

/** Which authority has signed what the node shows to its peers now. */
async function issuerSeen (t: Test, port: number, by: typeof old): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ca: [old.certificate, next.certificate], ...show(leaf(by)) })
  t.teardown(() => { socket.destroy() })
  await once(socket, 'secureConnect')
  const { issuer } = socket.getPeerCertificate()
  socket.destroy()
  return String(issuer.CN)
}

function portOf ({ proxy }: ClusterNode): number {
  return Number(proxy.address.split(':').at(-1))
}

test('a cluster moves to another authority while it works over TLS, and no request fails', async (t) => {
  const pem = new PemFolder(t)
  let own = leaf(old)
  const api = { ...pem.server(leaf(servers)), ...pem.clients([clients], 'required'), httpPort: 0 }
  const cluster = await Cluster.start(t, 3, {
    ...environmentOf({ ...pem.peers(own, [old]), ...api }),
    // A busy machine may lose a heartbeat; that is another matter than what is tested.
    CHANGEWELL_LEADER_WAIT_SECONDS: '60',
    CHANGEWELL_WRITE_TIMEOUT_SECONDS: '60',
  })
  const { nodes } = cluster
  const [first] = nodes
  await seed(first!)

  const over = new AbortController()
  let answered = 0
  const failures: string[] = []
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const trusted = { ca: servers.certificate, agent, ...show(leaf(clients)) }
  const load = nodes.map(async ({ process: { listening }, name }) => {
    const port = Number(new URL(await listening).port)
    for (let count = 0; !over.signal.aborted; count++) {
      const path = `/tenants/t/collections/c/keys/${name}-${count}`
      const headers = { 'idempotency-key': `${name}-${count}` }
      const wrote = await ask(port, path, { ...trusted, method: 'PUT', headers, body: { data: count } })
      if (wrote.status !== 201) failures.push(`${name}: ${wrote.status} ${JSON.stringify(wrote.body)}`)
      const read = await ask(port, path, trusted)
      if (read.status !== 200) failures.push(`${name}: ${read.status} ${JSON.stringify(read.body)}`)
      answered++
    }
  })
  const reloads = async ({ url }: ClusterNode): Promise<number> => {
    const text = await (await fetch(`${url}/metrics`)).text()
    return Number(/changewell_tls_reloads_total\{use="peers",result="loaded"\} (\d+)/.exec(text)?.[1])
  }
  let steps = 0
  async function step (authorities: (typeof old)[]): Promise<void> {
    pem.peers(own, authorities)
    steps++
    await until(async () => (await Promise.all(nodes.map(reloads))).every((count) => count >= steps), `step ${steps} to be in force`, 180)
    const before = answered
    await until(() => answered > before + 10, 'more writes', 180)
  }
  const letIn = async (above: typeof old): Promise<boolean[]> => Promise.all(nodes.map(async (node) => (
    await knock(t, portOf(node), { ca: [old.certificate, next.certificate], ...show(leaf(above)) }) === null)))

  t.same(await letIn(next), [false, false, false])
  await step([old, next])
  t.same(await letIn(next), [true, true, true])
  t.same(await letIn(old), [true, true, true])
  t.equal(await issuerSeen(t, portOf(first!), next), 'Old CA')

  own = leaf(next)
  await step([old, next])
  t.equal(await issuerSeen(t, portOf(first!), old), 'Next CA')
  t.same(await letIn(old), [true, true, true])

  await step([next])
  t.same(await letIn(old), [false, false, false])
  t.same(await letIn(next), [true, true, true])

  over.abort()
  await Promise.all(load)
  t.same(failures, [])
  // A node that starts anew has nothing but what the files say now.
  const [follower] = await cluster.followers()
  await follower!.kill('SIGTERM')
  await follower!.start()
  t.equal((await follower!.set('after', 1)).status, 201)
  t.ok(await cluster.checksum())
})
