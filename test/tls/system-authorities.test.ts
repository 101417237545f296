import { execFile } from 'node:child_process'
import { createServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { test, type Test } from 'tap'
import type { Issued } from '../../app/certificates/issue.ts'
import { authority, leaf, PemFolder } from '../support/certificates.ts'
import { spawnNode, until } from '../support/node.ts'
import { environmentOf } from './environment.ts'
import { knock, portOf, show } from './https.ts'

/** One that the cluster trusts, and one that the whole machine does. */
const [cluster, system] = [authority('Cluster CA'), authority('System CA')]

/** All ways in which this version of Node can be told whom to trust where nothing else is said. */
function trustingSystem (pem: PemFolder): Record<string, string> {
  const file = pem.write('system.pem', system.certificate)
  const flags = ['--use-openssl-ca', '--use-system-ca'].filter((flag) => process.allowedNodeEnvironmentFlags.has(flag))
  // Later versions of Node take one of the two only.
  return { NODE_EXTRA_CA_CERTS: file, SSL_CERT_FILE: file, NODE_OPTIONS: flags.at(-1) ?? '' }
}

interface Server {
  port: number
  /** What was asked for. */
  asked: string[]
}

/** Something that listens as a node of the cluster would, with a certificate by the authority. */
async function server (t: Test, own: Issued): Promise<Server> {
  const asked: string[] = []
  const options = { ...show(own), ca: cluster.certificate, requestCert: true, rejectUnauthorized: false }
  const https = createServer(options, (request, response) => {
    asked.push(`${request.method} ${request.url} ${(request.socket as TLSSocket).getProtocol()}`)
    response.setHeader('content-type', 'application/json').end('{"id":"0123456789abcdef","clusterId":null}')
  })
  https.listen(0, '127.0.0.1')
  await until(() => https.listening, 'it to listen')
  t.teardown(() => { https.closeAllConnections(); https.close() })
  return { port: portOf(https), asked }
}

test('whom the system trusts is not let in by a node, and gets no call from it', async (t) => {
  const pem = new PemFolder(t)
  const trusted = trustingSystem(pem)
  const [good, bad] = [await server(t, leaf(cluster)), await server(t, leaf(system))]
  // What the environment says is heard: a program that names no authority takes such a certificate.
  const program = `fetch('https://localhost:${bad.port}/').then(({ status }) => console.log(status))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { env: trusted })
  t.equal(stdout, '200\n')
  bad.asked.length = 0

  const node = spawnNode(t, {
    ...environmentOf(pem.peers(leaf(cluster), [cluster])),
    ...trusted,
    CHANGEWELL_JOIN: `127.0.0.1:${good.port},127.0.0.1:${bad.port}`,
  })
  const waits = (): string => node.lines.findLast((line) => /it waits to join the cluster/.test(line)) ?? ''
  const why = new RegExp(`127\\.0\\.0\\.1:${bad.port} .*cannot be reached: its certificate leads to no authority in CHANGEWELL_PEER_TLS_CA`)
  await until(() => good.asked.length > 0 && why.test(waits()), 'the node to ask', 60)
  t.match(good.asked[0], /TLSv1\.3/)
  t.same(bad.asked, [])
  t.match(waits(), why)

  await node.listening
  const [, port] = /it listens for other nodes at 127\.0\.0\.1:(\d+)/.exec(node.lines.join('\n')) ?? []
  const to = { ca: cluster.certificate }
  t.equal(await knock(t, Number(port), { ...to, ...show(leaf(cluster)) }), null)
  t.ok(await knock(t, Number(port), { ...to, ...show(leaf(system)) }))
})
