import { once } from 'node:events'
import { connect as connectHttp2, type ClientHttp2Stream, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import { connect } from 'node:tls'
import { test, type Test } from 'tap'
import { authority, leaf, PemFolder } from '../support/certificates.ts'
import { until } from '../support/node.ts'
import { secureNode, type SecureNode } from './https.ts'

const ca = authority('Server CA')
const json = { ':method': 'POST', 'content-type': 'application/json' }

function started (t: Test): Promise<SecureNode> {
  return secureNode(t, { ...new PemFolder(t).server(leaf(ca)), http2: true, requestTimeoutSeconds: 1 })
}

/** Sends bytes over HTTP/1.1 and resolves to all that comes back until the node closes the connection. */
async function sent (t: Test, port: number, bytes: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ca: ca.certificate, ALPNProtocols: ['http/1.1'] })
  t.teardown(() => { socket.destroy() })
  let got = ''
  socket.setEncoding('utf8').on('data', (text: string) => { got += text })
  socket.write(bytes)
  await until(() => socket.closed, 'the node to close the connection')
  return got
}

test('where HTTP/2 is spoken, a request over HTTP/1.1 that does not arrive in time is ended', async (t) => {
  const { port } = await started(t)
  const head = 'HTTP/1.1\r\nhost: a\r\n'
  const timeout = /^HTTP\/1\.1 408 [^]* after 1 seconds [^]*"REQUEST_TIMEOUT"/
  const [idle, begun, stopped, kept] = await Promise.all([
    sent(t, port, ''),
    sent(t, port, `GET /livez ${head}`),
    sent(t, port, `POST /changes ${head}content-type: application/json\r\ncontent-length: 12\r\n\r\n{"data":`),
    sent(t, port, `GET /livez ${head}\r\nGET /livez ${head}connection: close\r\n\r\n`),
  ])
  t.match(idle, timeout)
  t.match(begun, timeout)
  t.match(stopped, timeout)
  t.match(kept, /^HTTP\/1\.1 200 [^]*\r\nkeep-alive: timeout=72\r\n/i, 'idle ones are not kept for ever')
})

interface Asked {
  stream: ClientHttp2Stream
  answer: Promise<IncomingHttpHeaders>
  text: () => string
}

test('a request over HTTP/2 that does not arrive in time is ended, and nothing else', async (t) => {
  const { app, port } = await started(t)
  const client = connectHttp2(`https://localhost:${port}`, { ca: ca.certificate })
  t.teardown(() => { client.destroy() })
  const begin = (headers: OutgoingHttpHeaders, endStream = false): Asked => {
    const stream = client.request(headers, { endStream })
    let text = ''
    stream.on('error', () => {}).setEncoding('utf8').on('data', (more: string) => { text += more })
    return { stream, answer: once(stream, 'response').then(([headers]) => headers as IncomingHttpHeaders), text: () => text }
  }
  const feed = begin({ ':path': '/changes', accept: 'text/event-stream' }, true)
  await feed.answer
  const overdue = [
    begin({ ':path': '/changes', ...json }),
    begin({ ':path': '/changes', ...json, 'content-length': '50' }),
    begin({ ':path': '/changes?block=60' }),
  ]
  const refused = [
    begin({ ':path': '/nowhere' }),
    begin({ ':path': '/%ff', ...json }),
    begin({ ':path': '/changes', ':method': 'POST', 'content-type': 'text/plain' }),
  ]
  for (const { stream } of [...overdue, ...refused]) stream.write('{"data":1}')
  for (const { stream, answer, text } of overdue) {
    t.match(await answer, { ':status': 408, 'content-type': 'application/problem+json' })
    await until(() => stream.closed, 'the stream to be closed')
    t.match(JSON.parse(text()), { code: 'REQUEST_TIMEOUT', timeoutSeconds: 1 })
  }
  for (const { stream, answer, text } of refused) {
    t.match(await answer, { ':status': /40[04]|415/ })
    await until(() => stream.closed, 'the stream to be closed')
    t.match(JSON.parse(text()), { code: /ROUTE_NOT_FOUND|BAD_REQUEST|UNSUPPORTED_MEDIA_TYPE/ })
  }
  t.equal(app.database.revision, 0, 'nothing was done')
  t.equal(app.feed.waiters.size, 0, 'nobody waits any more')
  const whole = begin({ ':path': '/changes', ...json })
  whole.stream.end('{"data":"whole"}')
  t.match(await whole.answer, { ':status': 201 })
  await until(() => feed.text().includes('"whole"'), 'the change on the stream')
})
