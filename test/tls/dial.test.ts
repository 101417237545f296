import { once } from 'node:events'
import { createServer as createPlain } from 'node:net'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import pino from 'pino'
import { test, type Test } from 'tap'
import { loadConfig, type Config } from '../../app/config.ts'
import { Tls } from '../../plugins/tls/index.ts'
import { authority, days, leaf, PemFolder } from '../support/certificates.ts'
import { portOf, show } from './https.ts'

const ca = authority('Cluster CA')
const id = '0123456789abcdef'

/** The port of something that listens as another node would. */
async function peer (t: Test, options: TlsOptions): Promise<number> {
  const server = createServer({ ca: ca.certificate, requestCert: true, ...options })
  server.on('secureConnection', (socket) => socket.on('error', () => {}).end('hello'))
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close() })
  return portOf(server)
}

type Dial = (port: number, host?: string, to?: string | null) => Promise<string>

async function dialler (t: Test, config: Partial<Config> = {}): Promise<Dial> {
  const settings = { ...loadConfig({}), ...new PemFolder(t).peers(leaf(ca), [ca]), ...config }
  const tls = await Tls.open(settings, pino({ level: 'silent' }))
  t.teardown(() => tls.close())
  return dialThrough(t, tls)
}

function dialThrough (t: Test, tls: Tls): Dial {
  return async (port, host = '127.0.0.1', to = null) => {
    const socket = tls.peers!.connect(host, port, to)
    t.teardown(() => { socket.destroy() })
    const failed = once(socket, 'error').then(([error]) => {
      return (error as Error).message
    })
    const greeted = once(socket, 'data').then(async () => {
      const secure = socket as TLSSocket
      const seen = `${secure.getProtocol()}${secure.isSessionReused() ? ', resumed' : ''}`
      // By then it has been given a session.
      if (!secure.closed) await once(secure, 'close')
      return seen
    })
    return await Promise.race([greeted, failed])
  }
}

test('a node speaks only to whom the cluster\'s authority has signed, in TLS 1.3', async (t) => {
  const dial = await dialler(t)
  t.equal(await dial(await peer(t, show(leaf(ca)))), 'TLSv1.3')
  const elsewhere = await peer(t, show(leaf(ca, { names: ['elsewhere.example'] })))
  t.equal(await dial(elsewhere), 'TLSv1.3', 'wherever it is')
  const refused = {
    'of another authority': [show(leaf(authority('Cluster CA'))), /leads to no authority in CHANGEWELL_PEER_TLS_CA, or .*\((UNABLE_TO.*|CERT_SIGNATURE_FAILURE)\)$/],
    'self-signed': [show(leaf(null)), /its certificate has signed itself/],
    expired: [show(leaf(ca, { notBefore: days(-9), notAfter: days(-2) })), /its certificate has expired/],
    'not yet valid': [show(leaf(ca, { notBefore: days(2) })), /its certificate is not valid yet/],
    'for clients only': [show(leaf(ca, { usages: ['clientAuth'] })), /its certificate is not for servers/],
    'in an older TLS': [{ ...show(leaf(ca)), maxVersion: 'TLSv1.2' }, /TLS was not agreed on \(.*protocol version\)/],
  } as const
  for (const [what, [options, words]] of Object.entries(refused)) {
    t.match(await dial(await peer(t, options)), words, what)
  }
  const plain = createPlain((socket) => { socket.on('error', () => {}).end('hello, this is no TLS') }).listen(0, '127.0.0.1')
  t.teardown(() => { plain.close() })
  await once(plain, 'listening')
  t.equal(await dial(portOf(plain)), 'it does not speak TLS')
})

test('intermediates lead from either certificate to the cluster\'s authority', async (t) => {
  const between = authority('Between', {}, ca)
  const own = leaf(between)
  const chain = { ...own, certificate: own.certificate + between.certificate }
  const dial = await dialler(t, new PemFolder(t).peers(chain, [ca]))
  t.equal(await dial(await peer(t, show(chain))), 'TLSv1.3', 'both chains are sent, and looked at')
  t.equal(await dial(await peer(t, show(leaf(ca)))), 'TLSv1.3')
  const missing = await dial(await peer(t, show(own)))
  t.match(missing, /^its certificate leads to no authority .*intermediates are missing after it \(UNABLE_TO_.*\)$/)
  await t.rejects(dialler(t, new PemFolder(t).peers(own, [ca])), /put the intermediates after the certificate/, 'its own are asked for at the start')
})

test('whoever has a certificate of the clients\' authority is no node, wherever that authority is configured', async (t) => {
  const [clients, servers] = [authority('Client CA'), authority('Server CA')]
  const pem = new PemFolder(t)
  const dial = await dialler(t, { ...pem.server(leaf(servers)), ...pem.clients([clients], 'required') })
  t.equal(await dial(await peer(t, show(leaf(ca)))), 'TLSv1.3')
  for (const wrong of [leaf(clients), leaf(servers)]) {
    t.match(await dial(await peer(t, show(wrong))), /its certificate leads to no authority in CHANGEWELL_PEER_TLS_CA/)
  }
})

test('whom a node dials can be tied to its host', async (t) => {
  const dial = await dialler(t, { peerTlsIdentity: 'host' })
  const port = await peer(t, show(leaf(ca, { names: ['localhost', '127.0.0.1'] })))
  t.equal(await dial(port), 'TLSv1.3')
  t.equal(await dial(port, 'localhost'), 'TLSv1.3')
  const other = await peer(t, show(leaf(ca, { names: ['elsewhere.example'] })))
  t.match(await dial(other), /its certificate is not for the host 127\.0\.0\.1/)
})

test('whom a node dials can be tied to its id, unless it may be anybody', async (t) => {
  const dial = await dialler(t, { peerTlsIdentity: 'node-id' })
  const port = await peer(t, show(leaf(ca, { names: [`urn:changewell:node:${id}`] })))
  t.equal(await dial(port, '127.0.0.1', id), 'TLSv1.3')
  t.match(await dial(port, '127.0.0.1', 'fedcba9876543210'), /not that of node fedcba9876543210/)
  t.equal(await dial(port, '127.0.0.1', null), 'TLSv1.3', 'who is asked to be joined is not known yet')
  t.match(await dial(port, '127.0.0.1', 'fedcba9876543210'), /not that of node/, 'and its session is nobody else\'s')
  const near = await peer(t, show(leaf(ca, { names: [`x.example, URI:urn:changewell:node:${id}, y.example`] })))
  t.match(await dial(near, '127.0.0.1', id), /not that of node/, 'a name that contains it is another')
})

test('who is dialled again has its session resumed, until certificates change', async (t) => {
  const pem = new PemFolder(t)
  const own = pem.peers(leaf(ca), [ca])
  const tls = await Tls.open({ ...loadConfig({}), ...own }, pino({ level: 'silent' }))
  t.teardown(() => tls.close())
  const dial = dialThrough(t, tls)
  const port = await peer(t, show(leaf(ca)))
  t.equal(await dial(port), 'TLSv1.3')
  t.equal(await dial(port), 'TLSv1.3, resumed')
  pem.peers(leaf(ca), [ca])
  await tls.reload()
  t.equal(await dial(port), 'TLSv1.3')
  t.equal(await dial(port), 'TLSv1.3, resumed')
})
