import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { test, type Test } from 'tap'
import { errors } from '../../app/errors.ts'
import problems, { clientErrorHandler, frameworkErrors } from '../../plugins/problems/index.ts'

async function listening (
  t: Test, prepare = (_app: FastifyInstance): unknown => null, http = {}, requestTimeout = 60_000
): Promise<FastifyInstance> {
  const app = Fastify({
    clientErrorHandler: clientErrorHandler(errors),
    frameworkErrors: frameworkErrors(errors),
    return503OnClosing: false,
    requestTimeout,
    http: { requireHostHeader: false, connectionsCheckingInterval: 20, ...http },
  })
  t.teardown(() => app.close())
  await app.register(problems, { errors })
  app.get('/', async () => 'ok')
  app.get('/stream', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/plain' })
    reply.raw.write('begun')
  })
  app.get('/held', async () => {
    app.server.emit('held')
    await once(app.server, 'release')
    return 'ok'
  })
  prepare(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app
}

/** What comes until the server closes the connection. */
async function everything (socket: Socket): Promise<string> {
  const received: Buffer[] = []
  socket.on('data', (chunk) => received.push(chunk))
  socket.on('error', () => {})
  await new Promise((resolve) => { socket.once('close', resolve) })
  return Buffer.concat(received).toString()
}

async function exchange (app: FastifyInstance, bytes: string): Promise<{ status: number, head: string, body: string }> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(bytes)
  const [head = '', body = ''] = (await everything(socket)).split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, body }
}

function isProblem (t: Test, { head, body, status }: Awaited<ReturnType<typeof exchange>>, code: string): void {
  t.match(head.toLowerCase(), /content-type: application\/problem\+json(\r\n|$)/)
  t.match(JSON.parse(body), { code, status })
}

test('malformed HTTP is answered with a problem, and the connection is closed', async (t) => {
  const app = await listening(t)
  for (const head of ['NONSENSE', 'GET / HTTP/1.1\r\nHost: a\r\nBad Header: 1', 'get / HTTP/1.1\r\nHost: a']) {
    const answer = await exchange(app, `${head}\r\n\r\n`)
    t.equal(answer.status, 400)
    isProblem(t, answer, 'BAD_REQUEST')
  }
})

test('a head that is too long is answered 431', async (t) => {
  const answer = await exchange(await listening(t), `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`)
  t.equal(answer.status, 431)
  isProblem(t, answer, 'HEADERS_TOO_LARGE')
  t.equal(JSON.parse(answer.body).limitBytes, 16_384)
})

test('the limit of a head that the server was given is the one that is told', async (t) => {
  const app = await listening(t, undefined, { maxHeaderSize: 2000 })
  const answer = await exchange(app, `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(3000)}\r\n\r\n`)
  t.equal(answer.status, 431)
  t.equal(JSON.parse(answer.body).limitBytes, 2000)
})

test('a request that does not end in time is answered 408', async (t) => {
  const answer = await exchange(await listening(t, undefined, {}, 200), 'GET / HTTP/1.1\r\nHost: a\r\n')
  t.equal(answer.status, 408)
  isProblem(t, answer, 'REQUEST_TIMEOUT')
  t.equal(JSON.parse(answer.body).timeoutSeconds, 0.2)
})

test('a request without a host is answered 400', async (t) => {
  const answer = await exchange(await listening(t), 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n')
  t.equal(answer.status, 400)
  isProblem(t, answer, 'BAD_REQUEST')
})

test('an expectation that is not known is ignored', async (t) => {
  const answer = await exchange(await listening(t), 'GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nConnection: close\r\n\r\n')
  t.equal(answer.status, 200)
})

test('nonsense after a request whose answer has begun does not become part of the answer', async (t) => {
  const answer = await exchange(await listening(t), 'GET /stream HTTP/1.1\r\nHost: a\r\n\r\nNONSENSE\r\n\r\n')
  t.notMatch(answer.head + answer.body, /problem/)
})

test('a request on an open connection of a node that stops is told to go elsewhere', async (t) => {
  const app = await listening(t, (server) => server.addHook('preClose', async () => { app.server.emit('stopping') }))
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  const received = everything(socket)
  const held = once(app.server, 'held')
  socket.write('GET /held HTTP/1.1\r\nHost: a\r\n\r\n')
  await held
  const stopping = once(app.server, 'stopping')
  const closed = app.close()
  await stopping
  const arrived = once(app.server, 'request')
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  await arrived
  app.server.emit('release')
  const [, first, second] = (await received).split('HTTP/1.1 ')
  await closed
  t.match(first, /^200 OK/)
  t.match(second, /^503 Service Unavailable[^]*"code":"DRAINING"/)
})
