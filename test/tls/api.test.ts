import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import { connect } from 'node:tls'
import pino from 'pino'
import { test } from 'tap'
import { loadConfig } from '../../app/config.ts'
import { buildServer } from '../../app/server.ts'
import { authority, days, leaf, PemFolder } from '../support/certificates.ts'
import { folder, until } from '../support/node.ts'
import { ask, knock, portOf, secureNode, show } from './https.ts'

const right = authority('Client CA')

test('a node speaks HTTPS, with TLS 1.2 and 1.3 and nothing older', async (t) => {
  const ca = authority()
  const { port } = await secureNode(t, new PemFolder(t).server(leaf(ca)))
  const trusted = { ca: ca.certificate }
  t.match(await ask(port, '/livez', trusted), { status: 200, body: { status: 'ok' } })
  t.match(await ask(port, '/changes', { ...trusted, method: 'POST', body: { data: 1 } }), { status: 201, body: { revision: 1 } })
  t.equal(await knock(t, port, { ...trusted, maxVersion: 'TLSv1.2' }), null)
  t.equal(await knock(t, port, { ...trusted, minVersion: 'TLSv1.3' }), null)
  const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  t.match(await knock(t, port, { ...trusted, ...old }), /protocol version/)
  t.match(await knock(t, port, { ...trusted, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }), /handshake failure/, 'no CBC')
})

test('a client sees a certificate of another authority, or for another host, as what it is', async (t) => {
  const ca = authority()
  const { port } = await secureNode(t, new PemFolder(t).server(leaf(ca, { names: ['node.example'] })))
  t.equal(await knock(t, port, { ca: authority('Test CA').certificate }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  t.equal(await knock(t, port, { ca: ca.certificate }), 'ERR_TLS_CERT_ALTNAME_INVALID')
  t.equal(await knock(t, port, { ca: ca.certificate, servername: 'node.example' }), null)
})

test('intermediates after the certificate lead to an authority that the client knows', async (t) => {
  const root = authority('Root')
  const between = authority('Between', {}, root)
  const own = leaf(between)
  const chain = { ...own, certificate: own.certificate + between.certificate }
  const { port } = await secureNode(t, new PemFolder(t).server(chain))
  t.equal(await knock(t, port, { ca: root.certificate }), null)
})

test('bytes that are no TLS get no answer from HTTPS, are counted, and hold up nobody', async (t) => {
  const ca = authority()
  const lines: { level: number, msg: string, address?: string }[] = []
  const logger = pino({ level: 'debug' }, { write: (line: string) => { lines.push(JSON.parse(line)) } })
  const pem = new PemFolder(t)
  const secure = { ...pem.server(leaf(ca)), ...pem.clients([right], 'required') }
  const config = { ...loadConfig({}), dataDir: folder(t), logSegmentBytes: 256 * 1024, ...secure }
  const app = await buildServer(config, logger)
  t.teardown(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const port = portOf(app.server)
  const trusted = { ca: ca.certificate, ...show(leaf(right)) }
  const open = connect({ host: '127.0.0.1', port, ...trusted })
  t.teardown(() => { open.destroy() })
  await once(open, 'secureConnect')
  const garbage = [
    'GET /livez HTTP/1.1\r\nhost: a\r\n\r\n', Buffer.alloc(70_000, 0xff), '\n'.repeat(99), Buffer.alloc(9),
    // A record longer than there may be, and one that begins as a greeting and holds nonsense.
    Buffer.from('160301ffff01', 'hex'), Buffer.concat([Buffer.from('1603010100', 'hex'), Buffer.alloc(256, 0xee)]),
  ]
  for (const [at, bytes] of garbage.entries()) {
    const got = await rudely(port, bytes)
    // At most an alert (RFC 8446, section 6), of seven bytes.
    t.ok(got.length <= 7 && (got.length === 0 || got[0] === 21), `${at}: ${got.toString('hex')}`)
    t.equal((await ask(port, '/livez', trusted)).status, 200)
  }
  const failed = async (): Promise<number> => {
    const { body } = await ask(port, '/metrics', trusted)
    return Number(/changewell_tls_handshakes_failed_total\{use="clients"\} (\d+)/.exec(body as string)?.[1])
  }
  await until(async () => await failed() === garbage.length, 'all of them to be counted')
  const told = () => lines.filter(({ msg }) => /^a TLS handshake with a client failed: /.test(msg))
  t.match(told(), garbage.map(() => ({ level: 20, address: '127.0.0.1' })))
  t.match(told()[0]!.msg, /failed: ERR_SSL_HTTP_REQUEST$/)
  t.ok(await knock(t, port, { ca: ca.certificate, ...show(leaf(ca)) }))
  await until(() => told().length > garbage.length, 'a line about the certificate')
  t.match(told().at(-1), { address: '127.0.0.1', msg: /failed: its certificate is refused \([A-Z_]+\)$/ })
  t.same(lines.filter(({ level }) => level >= 40), [], 'strangers do not fill the log')
  open.write('GET /livez HTTP/1.1\r\nhost: a\r\n\r\n')
  t.match(String((await once(open, 'data'))[0]), /^HTTP\/1\.1 200 /, 'who was there before goes on')
})

/** Sends what is no greeting and resolves to all that comes back. */
async function rudely (port: number, bytes: string | Buffer): Promise<Buffer> {
  const socket = connectPlain(port, '127.0.0.1')
  const got: Buffer[] = []
  socket.on('data', (chunk: Buffer) => { got.push(chunk) })
  // A node that closes while bytes are on their way to it resets the connection.
  socket.on('error', () => {})
  // Whoever says nothing more is cut off later, so the sender ends it here.
  socket.end(bytes)
  await new Promise((resolve) => { socket.once('close', resolve) })
  return Buffer.concat(got)
}

const wrong = {
  'of another authority': leaf(authority('Client CA')),
  'of the authority that signs for servers': null,
  expired: leaf(right, { notBefore: days(-9), notAfter: days(-2) }),
  'not yet valid': leaf(right, { notBefore: days(2) }),
  'for servers only': leaf(right, { usages: ['serverAuth'] }),
  'self-signed': leaf(null),
}

test('where certificates are required, whoever has none, or a wrong one, does not get as far as a request', async (t) => {
  const ca = authority('Server CA')
  const pem = new PemFolder(t)
  const { port, app } = await secureNode(t, { ...pem.server(leaf(ca)), ...pem.clients([right], 'required') })
  const trusted = { ca: ca.certificate }
  t.equal(await knock(t, port, { ...trusted, ...show(leaf(right, { usages: ['clientAuth'] })) }), null)
  t.match(await knock(t, port, trusted), /CERTIFICATE_REQUIRED/)
  for (const [what, certificate] of Object.entries(wrong)) {
    t.ok(await knock(t, port, { ...trusted, ...show(certificate ?? leaf(ca)) }), `one that is ${what} is refused`)
  }
  const { body } = await ask(port, '/metrics', { ...trusted, ...show(leaf(right)) })
  t.match(body, new RegExp(`changewell_tls_handshakes_failed_total\\{use="clients"\\} ${Object.keys(wrong).length + 1}\\n`))
  t.equal((await app.inject('/livez')).statusCode, 200)
})

test('where they are optional, none will do, and a wrong one is answered with what is wrong', async (t) => {
  const ca = authority('Server CA')
  const pem = new PemFolder(t)
  const { port } = await secureNode(t, { ...pem.server(leaf(ca)), ...pem.clients([right], 'optional') })
  const trusted = { ca: ca.certificate }
  t.equal((await ask(port, '/changes', trusted)).status, 200)
  t.equal((await ask(port, '/changes', { ...trusted, ...show(leaf(right)) })).status, 200)
  for (const [what, certificate] of Object.entries(wrong)) {
    const answer = await ask(port, '/changes', { ...trusted, ...show(certificate ?? leaf(ca)) })
    t.match(answer, { status: 403, body: { code: 'CERTIFICATE_REFUSED', detail: /CHANGEWELL_CLIENT_CA/ } }, what)
  }
  const { body } = await ask(port, '/changes', { ...trusted, ...show(wrong.expired) })
  t.match(body, { reason: 'CERT_HAS_EXPIRED' })
})
