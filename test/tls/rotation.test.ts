import { once } from 'node:events'
import { Agent } from 'node:https'
import { connect, type TLSSocket } from 'node:tls'
import pino from 'pino'
import { test, type Test } from 'tap'
import { loadConfig, type Config } from '../../app/config.ts'
import { buildServer } from '../../app/server.ts'
import type { Issued } from '../../app/certificates/issue.ts'
import { authority, days, joined, leaf, PemFolder } from '../support/certificates.ts'
import { folder, startProcess, until } from '../support/node.ts'
import { environmentOf } from './environment.ts'
import { ask, knock, portOf, secureNode, show } from './https.ts'

const [old, next] = [authority('Old CA'), authority('Next CA')]
const trusted = { ca: joined([old, next]) }

/** Which authority has signed what the node shows to whoever connects now. */
async function issuerSeen (t: Test, port: number): Promise<string> {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, ...trusted })
  t.teardown(() => { socket.destroy() })
  await once(socket, 'secureConnect')
  const { issuer } = socket.getPeerCertificate()
  socket.destroy()
  return String(issuer.CN)
}

async function metric (port: number, name: string): Promise<number> {
  const { body } = await ask(port, '/metrics', trusted)
  return Number((body as string).split('\n').find((line) => line.startsWith(`${name} `))?.split(' ').at(-1))
}

test('certificates are replaced under load: no request fails, and no connection is lost', async (t) => {
  const pem = new PemFolder(t)
  const { port, app } = await secureNode(t, pem.server(leaf(old)))
  const agent = new Agent({ keepAlive: true, ...trusted })
  t.teardown(() => agent.destroy())
  const stream = connect({ host: '127.0.0.1', port, ...trusted })
  t.teardown(() => { stream.destroy() })
  let streamed = ''
  stream.on('data', (bytes: Buffer) => { streamed += bytes.toString() })
  stream.write('GET /changes HTTP/1.1\r\nhost: a\r\naccept: application/x-ndjson\r\n\r\n')
  await until(() => streamed.includes('\r\n\r\n'), 'the stream to begin')

  const over = new AbortController()
  const statuses = new Map<number, number>()
  const sockets = new Set<unknown>()
  agent.on('free', (socket) => sockets.add(socket))
  const load = Array.from({ length: 6 }, async (_, reader) => {
    // Half of them come anew each time.
    const options = reader < 3 ? { ...trusted, agent } : trusted
    while (!over.signal.aborted) {
      const { status } = reader % 3 === 0
        ? await ask(port, '/changes', { ...options, method: 'POST', body: { data: reader } })
        : await ask(port, '/changes', options)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  })
  for (const [round, above] of [next, old, next, old, next].entries()) {
    const answered = [...statuses.values()].reduce((sum, count) => sum + count, 0)
    pem.server(leaf(above))
    await app.tls.reload()
    t.equal(await issuerSeen(t, port), above === next ? 'Next CA' : 'Old CA', `round ${round}`)
    await until(() => [...statuses.values()].reduce((sum, count) => sum + count, 0) > answered + 20, 'more answers')
  }
  over.abort()
  await Promise.all(load)
  t.same([...statuses.keys()].sort(), [200, 201])
  t.equal(sockets.size, 3, 'connections that are kept are the first ones')
  const { body: { revision } } = await ask(port, '/changes', { ...trusted, method: 'POST', body: { data: 'last' } })
  await until(() => streamed.includes(`"revision":${revision},`), 'the stream to go on')
  t.equal(await metric(port, 'changewell_tls_reloads_total{use="clients",result="loaded"}'), 5)
})

test('bad new files are refused: what was there stays in force, and it is logged and counted', async (t) => {
  const pem = new PemFolder(t)
  const lines: { level: number, msg: string }[] = []
  const write = (line: string): void => { lines.push(JSON.parse(line) as { level: number, msg: string }) }
  const logger = pino({ level: 'info' }, { write })
  const config: Config = { ...loadConfig({}), dataDir: folder(t), ...pem.server(leaf(old)) }
  const app = await buildServer(config, logger)
  t.teardown(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const port = portOf(app.server)
  const good = leaf(next)
  const bad: Record<string, Issued> = {
    'holds no certificate': { ...good, certificate: 'nothing' },
    'does not belong': { ...good, key: leaf(next).key },
    expired: leaf(next, { notBefore: days(-9), notAfter: days(-1) }),
    serverAuth: leaf(next, { usages: ['clientAuth'] }),
    'clients would refuse': authority('Own', { names: ['localhost', '127.0.0.1'] }, next),
  }
  let refused = 0
  for (const [words, certificate] of Object.entries(bad)) {
    pem.server(certificate)
    await app.tls.reload()
    refused++
    t.equal(await issuerSeen(t, port), 'Old CA', words)
    const line = lines.filter(({ level }) => level === 50).at(-1)
    t.match(line?.msg, /the new certificates for clients are refused, and the old ones stay in force/)
    t.match(line?.msg, words)
    t.ok(await metric(port, 'changewell_tls_reloads_total{use="clients",result="refused"}') >= refused)
  }
  pem.server(good)
  await app.tls.reload()
  t.equal(await issuerSeen(t, port), 'Next CA')
})

test('files that change are noticed, and SIGHUP has them read at once and ends nothing', async (t) => {
  const pem = new PemFolder(t)
  const node = await startProcess(t, environmentOf(pem.server(leaf(old))))
  const port = Number(new URL(node.url).port)
  t.equal(await issuerSeen(t, port), 'Old CA')
  pem.server(leaf(next))
  await until(async () => await issuerSeen(t, port) === 'Next CA', 'the new certificate', 120)
  pem.server(leaf(old))
  node.child.kill('SIGHUP')
  await until(async () => await issuerSeen(t, port) === 'Old CA', 'the old one again', 120)
  // What has not changed since is read again on the signal alone.
  const refused = 'changewell_tls_reloads_total{use="clients",result="refused"}'
  pem.write('server.key', 'no key')
  await until(async () => await metric(port, refused) === 1, 'the bad key to be refused', 120)
  node.child.kill('SIGHUP')
  await until(async () => await metric(port, refused) === 2, 'it to be read again', 120)
  t.equal((await ask(port, '/livez', trusted)).status, 200)
})

test('authorities of clients and of nodes stay apart when they are read again', async (t) => {
  const pem = new PemFolder(t)
  const [forClients, forNodes] = [authority('For clients'), authority('For nodes')]
  const { app } = await secureNode(t, {
    ...pem.server(leaf(old)), ...pem.clients([forClients], 'required'), ...pem.peers(leaf(forNodes), [forNodes]),
  })
  const [clients, peers] = app.tls.credentials
  pem.clients([forClients, forNodes], 'required')
  await app.tls.reload()
  t.equal(clients!.counts.refused, 1)
  pem.clients([forClients], 'required')
  pem.peers(leaf(forNodes), [forNodes, forClients])
  await app.tls.reload()
  t.equal(peers!.counts.refused, 1)
  t.equal(peers!.bundle.authorities.length, 1)
})

test('files of authorities are read as they are joined, and refused when one is cut off or has another name', async (t) => {
  const pem = new PemFolder(t)
  const [one, other] = [authority('One'), authority('Other')]
  const { port, app } = await secureNode(t, { ...pem.server(leaf(old)), ...pem.clients([one], 'required') })
  const [clients] = app.tls.credentials
  pem.write('client-ca.pem', one.certificate.trimEnd() + other.certificate)
  await app.tls.reload()
  for (const own of [one, other]) t.equal(await knock(t, port, { ...trusted, ...show(leaf(own)) }), null)
  const renamed = other.certificate.replaceAll(' CERTIFICATE', ' TRUSTED CERTIFICATE')
  for (const [at, wrong] of [other.certificate.slice(0, 200), renamed].entries()) {
    pem.write('client-ca.pem', one.certificate + wrong)
    await app.tls.reload()
    t.equal(clients!.counts.refused, at + 1)
  }
  t.equal(clients!.bundle.authorities.length, 2, 'the old ones stay in force')
})

test('clients of an authority that is taken away do not get in anew', async (t) => {
  const pem = new PemFolder(t)
  const [one, other] = [authority('One'), authority('Other')]
  const { port, app } = await secureNode(t, { ...pem.server(leaf(old)), ...pem.clients([one], 'required') })
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...trusted, ...show(leaf(one)) })
  t.teardown(() => agent.destroy())
  t.equal((await ask(port, '/livez', { ...trusted, agent })).status, 200)
  pem.clients([one, other], 'required')
  await app.tls.reload()
  t.equal(await knock(t, port, { ...trusted, ...show(leaf(one)) }), null)
  t.equal(await knock(t, port, { ...trusted, ...show(leaf(other)) }), null)
  pem.clients([other], 'required')
  await app.tls.reload()
  t.ok(await knock(t, port, { ...trusted, ...show(leaf(one)) }))
  t.equal(await knock(t, port, { ...trusted, ...show(leaf(other)) }), null)
  t.equal((await ask(port, '/livez', { ...trusted, agent })).status, 200, 'an open connection stays')
})

test('a session cannot be resumed under an authority that was taken away', async (t) => {
  const pem = new PemFolder(t)
  const [one, other] = [authority('One'), authority('Other')]
  const { port, app } = await secureNode(t, { ...pem.server(leaf(old)), ...pem.clients([one], 'required') })
  const options = { host: '127.0.0.1', port, ...trusted, ...show(leaf(one)) }
  const first = connect(options)
  t.teardown(() => { first.destroy() })
  const [session] = await once(first, 'session') as [Buffer]
  const resumed = connect({ ...options, session })
  t.teardown(() => { resumed.destroy() })
  await once(resumed, 'secureConnect')
  t.ok(resumed.isSessionReused(), 'sessions are resumed')
  pem.clients([other], 'required')
  await app.tls.reload()
  t.ok(await knock(t, port, { ...trusted, ...show(leaf(one)), session }))
})

test('days to expiry are a metric, and the log warns when few are left', async (t) => {
  const pem = new PemFolder(t)
  const lines: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line: string) => { lines.push(line) } })
  const between = authority('Between', { notBefore: days(-100), notAfter: days(5.5) }, old)
  const own = leaf(between, { commonName: 'web', notBefore: days(-100), notAfter: days(10.5) })
  const config: Config = {
    ...loadConfig({}),
    dataDir: folder(t),
    logSegmentBytes: 256 * 1024,
    ...pem.server({ ...own, certificate: own.certificate + between.certificate }),
    ...pem.clients([authority('One'), authority('One', { notAfter: days(200.5) })], 'optional'),
  }
  const app = await buildServer(config, logger)
  t.teardown(() => app.close())
  const { payload } = await app.inject('/metrics')
  t.match(payload, /changewell_tls_expiry_days\{use="clients",kind="certificate",subject="CN=web"\} 10\.[45]/)
  t.match(payload, /changewell_tls_expiry_days\{use="clients",kind="intermediate",subject="CN=Between"\} 5\.[45]/)
  t.match(payload, /changewell_tls_expiry_days\{use="clients",kind="authority",subject="CN=One"\} 200\.[45]/)
  t.equal(lines.filter((line) => /expires soon/.test(line)).length, 2)
  t.match(lines.join(''), /the certificate CN=web for clients expires soon, on 20/)
  t.match(lines.join(''), /the intermediate CN=Between for clients expires soon, on 20/)
})
