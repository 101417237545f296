import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { connect as connectHttp2, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { test, type Test } from 'tap'
import { authority, leaf, PemFolder } from '../support/certificates.ts'
import { folder, startProcess, until } from '../support/node.ts'
import { sendRaw } from '../support/raw-http.ts'
import { run } from '../app/command.ts'
import { files } from '../auth/files.ts'
import { environmentOf } from './environment.ts'
import { ask, knock, secureNode, show } from './https.ts'

const ca = authority('Server CA')
const clients = authority('Client CA')

interface Http2Answer {
  headers: IncomingHttpHeaders & { ':status'?: number }
  text: string
}

async function session (t: Test, port: number, options = {}): Promise<ClientHttp2Session> {
  const client = connectHttp2(`https://localhost:${port}`, { ca: ca.certificate, ...options })
  t.teardown(() => { client.destroy() })
  await once(client, 'connect')
  return client
}

async function askHttp2 (client: ClientHttp2Session, headers: Record<string, string>, body = ''): Promise<Http2Answer> {
  const stream = client.request(headers, { endStream: body === '' })
  if (body !== '') stream.end(body)
  const [answer] = await once(stream, 'response') as [Http2Answer['headers']]
  let text = ''
  for await (const chunk of stream.setEncoding('utf8')) text += chunk as string
  return { headers: answer, text }
}

test('HTTP/2 is spoken where it is switched on, and HTTP/1.1 beside it', async (t) => {
  const pem = new PemFolder(t)
  const config = { ...pem.server(leaf(ca)), ...pem.clients([clients], 'optional'), http2: true, authPolicy: '' }
  config.authPolicy = pem.write('policy', JSON.stringify({ identities: { web: { read: ['*'], write: ['*'], metrics: true } } }))
  const { port, app } = await secureNode(t, config)
  const client = await session(t, port, show(leaf(clients, { commonName: 'web' })))
  t.equal(client.alpnProtocol, 'h2')
  const json = { 'content-type': 'application/json' }
  t.match(await askHttp2(client, { ':path': '/changes', ':method': 'POST', ...json }, '{"data":1}'), { headers: { ':status': 201 }, text: '{"revision":1,' })
  t.match(await askHttp2(client, { ':path': '/changes' }), { headers: { ':status': 200 }, text: '"lastRevision":1' })
  t.match(await askHttp2(client, { ':path': '/nowhere' }), { headers: { ':status': 404, 'content-type': 'application/problem+json' } })
  t.match(await ask(port, '/changes', { ca: ca.certificate, ...show(leaf(clients, { commonName: 'web' })) }), { status: 200 })
  t.match(await ask(port, '/changes', { ca: ca.certificate }), { status: 403 })
  const stranger = await session(t, port, show(leaf(authority('Other CA'))))
  t.match(await askHttp2(stranger, { ':path': '/livez' }), { headers: { ':status': 403 }, text: 'CERTIFICATE_REFUSED' })

  // A long poll and a stream, each on the one connection.
  const poll = askHttp2(client, { ':path': '/changes?since=1&block=60' })
  const stream = client.request({ ':path': '/changes?since=1', accept: 'text/event-stream' })
  let streamed = ''
  stream.setEncoding('utf8').on('data', (text: string) => { streamed += text })
  await until(() => app.feed.waiters.size === 1, 'the reader to wait')
  await askHttp2(client, { ':path': '/changes', ':method': 'POST', ...json }, '{"data":2}')
  t.match(await poll, { headers: { ':status': 200 }, text: '"lastRevision":2' })
  await until(() => streamed.includes('id: 2\n'), 'the change on the stream')
  // A reader that goes away is let go of.
  const gone = client.request({ ':path': '/changes?since=2&block=60' })
  await until(() => app.feed.waiters.size === 1, 'another reader to wait')
  gone.close()
  await until(() => app.feed.waiters.size === 0, 'it to be let go of')
})

test('a node with HTTP/2 stops in order: streams end, and idle connections do not hold it up', async (t) => {
  const pem = new PemFolder(t)
  const { port, app } = await secureNode(t, { ...pem.server(leaf(ca)), http2: true })
  const client = await session(t, port)
  t.match(await askHttp2(client, { ':path': '/livez' }), { headers: { ':status': 200 } })
  const stream = client.request({ ':path': '/changes', accept: 'text/event-stream' })
  await once(stream, 'response')
  stream.resume()
  t.equal(await knock(t, port, { ca: ca.certificate }), null, 'HTTP/1.1, which keeps the connection')
  const [closed] = [once(client, 'close'), await app.close()]
  await closed
  await t.rejects(ask(port, '/livez', { ca: ca.certificate }))
})

test('a node with HTTP/2 cuts off requests over HTTP/1.1 that do not end while it stops', async (t) => {
  const pem = new PemFolder(t)
  const { port, app } = await secureNode(t, { ...pem.server(leaf(ca)), http2: true, shutdownSeconds: 1 })
  const socket = connectTls({ host: '127.0.0.1', port, ca: ca.certificate })
  t.teardown(() => { socket.destroy() })
  socket.on('error', () => {}).resume()
  const asked = once(app.server, 'request')
  socket.write('POST /changes HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{')
  await asked
  let isClosed = false
  app.close().then(() => { isClosed = true }, t.threw)
  await until(() => isClosed, 'the node to stop')
})

test('plain HTTP is spoken beside HTTPS, and a port of its own tells of health alone', async (t) => {
  const pem = new PemFolder(t)
  const secure = { ...pem.server(leaf(ca)), ...pem.clients([clients], 'required') }
  const { app, port } = await secureNode(t, secure)
  const plain = await app.listeners.openPlain('127.0.0.1', 0)
  const health = await app.listeners.openHealth('127.0.0.1', 0)
  t.match(await knock(t, port, { ca: ca.certificate }), /CERTIFICATE_REQUIRED/)
  const headers = { 'content-type': 'application/json' }
  const wrote = await fetch(`${plain}/changes`, { method: 'POST', headers, body: '{"data":1}' })
  t.equal(wrote.status, 201)
  for (const path of ['/livez', '/readyz', '/health']) t.equal((await fetch(health + path)).status, 200, path)
  for (const path of ['/changes', '/metrics', '/', '/livez/', '/health/x', '//livez', '/%6civez', '/tenants']) {
    const told = { code: 'ROUTE_NOT_FOUND', method: 'GET', path, detail: `There is no GET ${path}. ` }
    t.match(await (await fetch(`${health}${path}?a=b`)).json(), told, path)
  }
  const put = { method: 'PUT', headers, body: '{"up":false}' }
  const refused = await fetch(`${health}/health`, put)
  t.equal(refused.status, 404)
  t.match(await refused.json(), { code: 'ROUTE_NOT_FOUND', method: 'PUT', path: '/health' })
  t.equal((await fetch(`${health}/readyz`)).status, 200)
  t.match(await sendRaw(health, 'nonsense\r\n\r\n'), { status: 400, headers: { 'content-type': 'application/problem+json' } })
  t.match(await sendRaw(plain, 'GET /livez HTTP/1.1\r\n\r\n'), { status: 400 }, 'the same manners')
  const streaming = await fetch(`${plain}/changes`, { headers: { accept: 'application/x-ndjson' } })
  const ended = streaming.text()
  await app.close()
  t.match(await ended, /"revision":1/)
  await t.rejects(fetch(`${plain}/livez`))
  await t.rejects(fetch(`${health}/livez`))
})

test('a node tells where its listeners are, and warns of those that ask for nothing', async (t) => {
  const pem = new PemFolder(t)
  const secure = { ...pem.server(leaf(ca)), ...pem.clients([clients], 'required'), httpPort: 0, healthPort: 0 }
  const node = await startProcess(t, { ...environmentOf(secure), CHANGEWELL_INSECURE_PEERS: 'true' })
  await until(() => node.lines.some((line) => /try it/.test(line)), 'the node to say where it listens')
  const said = node.lines.map((line) => JSON.parse(line) as { level: string, msg: string })
  const urlIn = (words: RegExp): string => /http:\S+/.exec(said.find(({ msg }) => words.test(msg))?.msg ?? '')?.[0] ?? ''
  t.equal((await fetch(`${urlIn(/Plain HTTP is spoken on/)}/changes`)).status, 200)
  t.equal((await fetch(`${urlIn(/Its health is told on/)}/readyz`)).status, 200)
  const warnings = said.filter(({ level }) => level === 'warn').map(({ msg }) => msg).join('\n')
  t.match(warnings, /CHANGEWELL_INSECURE_PEERS.*take part in the cluster/)
  t.match(warnings, /CHANGEWELL_HTTP_PORT.* is asked for no certificate/)
})

test('what a node says how to try it works, once the words in capitals are filled in', async (t) => {
  const own = leaf(clients, { commonName: 'web', usages: ['clientAuth'] })
  for (const names of [['localhost', '127.0.0.1'], ['*.example', 'node.example']]) {
    const pem = new PemFolder(t)
    const { config } = files(t, { users: ['ann'] })
    const secure = { ...pem.server(leaf(ca, { names })), ...pem.clients([clients], 'required'), ...config }
    const node = await startProcess(t, environmentOf(secure))
    const said = (): string => node.lines.findLast((line) => line.includes('"try it: ')) ?? ''
    await until(() => said() !== '', 'the node to say how to try it')
    const line = (JSON.parse(said()) as { msg: string }).msg.replace(/^try it: /, '')
    t.match(line, / --cert CLIENT\.pem --key CLIENT\.key --user NAME /)
    t.match(line, names.includes('localhost') ? / https:\/\/127\.0\.0\.1:\d+\// : / https:\/\/node\.example:\d+\//)
    const filled = line.replace('CLIENT.pem', pem.write('web.pem', own.certificate))
      .replace('CLIENT.key', pem.write('web.key', own.key)).replace('NAME', 'ann:ann')
    const answer = execFileSync('sh', ['-c', `${filled} --silent --max-time 60`], { encoding: 'utf8' })
    t.match(JSON.parse(answer), { revision: 1 })
  }
})

test('a node that cannot do what is set says all of it, with the remedies, and does not start', async (t) => {
  const settings = { CHANGEWELL_DATA_DIR: folder(t), CHANGEWELL_TLS_CERT: '/nowhere', CHANGEWELL_PEER_HOST: '0.0.0.0' }
  const { code, stderr } = await run(t, ['serve'], settings)
  t.equal(code, 1)
  t.match(stderr, /^changewell: TLS cannot be set up:\n {2}CHANGEWELL_TLS_CERT is set, and CHANGEWELL_TLS_KEY not/)
  t.match(stderr, /\n {2}CHANGEWELL_PEER_HOST is 0\.0\.0\.0.*changewell certs.*CHANGEWELL_INSECURE_PEERS=true\.\n$/)
  t.notMatch(stderr, /\n +at /)
})

test('a thousand handshakes that do not go on leave the node serving clients', async (t) => {
  const { port } = await secureNode(t, new PemFolder(t).server(leaf(ca)))
  const sockets = Array.from({ length: 1000 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  t.teardown(() => { for (const socket of sockets) socket.destroy() })
  let cut = 0
  await new Promise<void>((resolve) => {
    for (const socket of sockets) socket.once('close', () => { if (++cut === 1000 - 256) resolve() })
  })
  t.equal((await ask(port, '/livez', { ca: ca.certificate })).status, 200)
})
