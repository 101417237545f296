import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { folder, until } from '../support/node.ts'
import { pass, refuse, startHook } from '../webhooks/hook.ts'
import { Cluster } from './cluster.ts'
import { seed } from './clients.ts'
import { fateThrough } from './fate.ts'

t.test('Whichever node gets a write, the leader asks the hooks, and the next leader does so as well', async (t) => {
  const cluster = await Cluster.start(t, 3)
  await seed(cluster.nodes[0]!)
  const hook = await startHook(t)
  const set = await cluster.nodes[1]!.written('PUT', '/cluster/settings', { webhooks: [{ name: 'naming', url: hook.url, tenant: 't' }] })
  t.equal(set.status, 200, JSON.stringify(set.body))
  for (let round = 0; round < 2; round++) {
    for (const node of cluster.up) {
      hook.answer = pass
      const key = `${round}-${node.name}`
      const made = await node.put(key, 1, { 'x-request-id': key })
      t.equal(made.status, 201, JSON.stringify(made.body))
      // About no other, and twice only if another began to lead meanwhile.
      t.same([...new Set(hook.asked.splice(0).map(({ body }) => body.request))], [key])
      hook.answer = refuse({ reason: 'not this one' })
      t.match(await node.put(key, 2), { status: 422, body: { code: 'WRITE_REJECTED', hook: 'naming', reason: 'not this one' } })
      hook.asked.splice(0)
    }
    if (round > 0) break
    const leader = await cluster.leader()
    await leader.kill()
    await until(async () => {
      const [node] = cluster.up
      const { leader: next } = await node!.view()
      return next !== null && next !== leader.id
    }, 'another leader')
  }
})

t.test('A queued write waits for its hook through a follower as it does on the leader', async (t) => {
  const cluster = await Cluster.start(t, 3, { CHANGEWELL_WRITE_TIMEOUT_SECONDS: '1' })
  await seed(cluster.nodes[0]!)
  const waiting: ServerResponse[] = []
  const hook = await startHook(t, (response) => { waiting.push(response) })
  const settings = { electionMs: 5000, webhooks: [{ name: 'slow', url: hook.url, tenant: 't', timeoutMs: 60_000 }] }
  t.equal((await cluster.nodes[0]!.written('PUT', '/cluster/settings', settings)).status, 200)
  const leader = await cluster.leader()
  const [follower] = await cluster.followers()
  const path = '/tenants/t/collections/c/keys'
  for (const node of [leader, follower!]) {
    const queued = await node.call('PUT', `${path}/${node.name}?ack=queue`, { data: 1 }, { 'x-request-id': node.name })
    t.equal(queued.status, 202, JSON.stringify(queued.body))
    await until(() => waiting.length === 1, 'the hook to be asked')
    t.match(await node.put('k', 1), { status: 504 })
    pass(waiting[0]!)
    t.match(await fateThrough(node, queued.body.receipt as string), { state: 'committed' })
    t.equal(hook.asked.filter(({ body }) => body.request === node.name).length, 1)
    waiting.length = 0
  }
})

t.test('A hook is asked no more about a write that came through a follower and is waited for no more', async (t) => {
  const cluster = await Cluster.start(t, 3, { CHANGEWELL_WRITE_TIMEOUT_SECONDS: '1' })
  await seed(cluster.nodes[0]!)
  let ended = 0
  const hook = await startHook(t, (response) => { response.on('close', () => { ended++ }) })
  const settings = { webhooks: [{ name: 'slow', url: hook.url, tenant: 't', timeoutMs: 60_000 }] }
  t.equal((await cluster.nodes[0]!.written('PUT', '/cluster/settings', settings)).status, 200)
  const [follower] = await cluster.followers()
  const answer = await follower!.put('k', 1)
  t.match(answer, { status: 504, body: { code: 'WRITE_TIMEOUT' } })
  await until(() => ended === hook.asked.length && ended > 0, 'the calls to be ended')
  t.match(await fateThrough(follower!, answer.body.receipt as string), { state: 'rejected', problem: { code: 'WRITE_EXPIRED' } })
})

t.test('A hook is asked over TLS, if its certificate is to be trusted', async (t) => {
  const { certificate, url, asked } = await secureHook(t)
  const cluster = await Cluster.start(t, 1, { NODE_EXTRA_CA_CERTS: certificate })
  const strict = await Cluster.start(t, 1)
  for (const { nodes: [node] } of [cluster, strict]) {
    await seed(node!)
    t.equal((await node!.written('PUT', '/cluster/settings', { webhooks: [{ name: 'secure', url }] })).status, 200)
  }
  t.equal((await cluster.nodes[0]!.put('k', 1)).status, 201)
  t.equal(asked(), 1)
  const refused = await strict.nodes[0]!.put('k', 1)
  t.match(refused, { status: 503, body: { code: 'HOOK_FAILED', reason: /^it cannot be asked: .*SELF_SIGNED/ } })
  t.equal(asked(), 1, 'nobody was told anything whom it does not trust')
})

/** A hook with a certificate of its own, for the loopback address. */
async function secureHook (t: Test): Promise<{ certificate: string, url: string, asked: () => number }> {
  const directory = folder(t)
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'certificate.pem')]
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=hook', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate,
  ], { stdio: 'ignore' })
  let count = 0
  const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (_request, response) => {
    count++
    response.end()
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { certificate, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked: () => count }
}
