import { connect } from 'node:net'
import { test, type Test } from 'tap'
import type { Config } from '../../app/config.ts'
import { issue, type Issued } from '../../app/certificates/issue.ts'
import { authority, days, leaf, PemFolder } from '../support/certificates.ts'
import { sendRaw } from '../support/raw-http.ts'
import { ask, knock, secureNode, show, type SecureAnswer } from './https.ts'

const ca = authority('Cluster CA')

interface Listening {
  port: number
  failed: () => Promise<number>
  /** Puts a node on the node list. */
  addMember: (id: string, peerAddress: string) => Promise<void>
  /** What it answers at its listener for peers to whoever shows the certificate. */
  asked: (method: string, path: string, shown: Issued, headers?: Record<string, string>) => Promise<SecureAnswer>
}

/** A node whose listener for peers is open, and what it logged. */
async function listening (t: Test, config: Partial<Config>): Promise<Listening> {
  const { app } = await secureNode(t, config)
  const address = await app.raft.listen('127.0.0.1', 0)
  const port = Number(address.split(':').at(-1))
  return {
    port,
    async failed () {
      const { payload } = await app.inject('/metrics')
      return Number(/changewell_tls_handshakes_failed_total\{use="peers"\} (\d+)/.exec(payload)?.[1])
    },
    async addMember (id, peerAddress) {
      const payload = { id, role: 'replica', peerAddress, apiAddress: 'a:1' }
      t.match(await app.inject({ method: 'POST', url: '/cluster/members?wait=0', payload }), { statusCode: 202 })
    },
    asked: (method, path, shown, headers = {}) => ask(port, path, {
      method, headers, ca: ca.certificate, ...show(shown), ...(method === 'POST' ? { body: {} } : {}),
    }),
  }
}

test('the listener for peers lets in whom the cluster\'s authority has signed, with TLS 1.3', async (t) => {
  const { port, failed } = await listening(t, new PemFolder(t).peers(leaf(ca), [ca]))
  const trusted = { ca: ca.certificate }
  t.equal(await knock(t, port, { ...trusted, ...show(leaf(ca)) }), null)
  t.equal(await knock(t, port, { ...trusted, ...show(leaf(ca, { usages: ['clientAuth'] })) }), null)
  t.equal(await failed(), 0)
})

test('whoever else comes does not get as far as a request', async (t) => {
  const clients = authority('Client CA')
  const servers = authority('Server CA')
  const pem = new PemFolder(t)
  const api = { ...pem.server(leaf(servers)), ...pem.clients([clients], 'required') }
  const { port, failed } = await listening(t, { ...pem.peers(leaf(ca), [ca]), ...api })
  const wrong: Record<string, Issued> = {
    'of another authority with the same name': leaf(authority('Cluster CA')),
    'of the clients\' authority': leaf(clients),
    'of the authority that signs for HTTPS': leaf(servers),
    expired: leaf(ca, { notBefore: days(-9), notAfter: days(-2) }),
    'not yet valid': leaf(ca, { notBefore: days(2) }),
    'for servers only': leaf(ca, { usages: ['serverAuth'] }),
    'self-signed': leaf(null),
    'signed by a certificate that is no authority\'s': belowLeaf(),
  }
  for (const [what, certificate] of Object.entries(wrong)) {
    t.ok(await knock(t, port, { ca: ca.certificate, ...show(certificate) }), `a certificate that is ${what} is refused`)
  }
  t.match(await knock(t, port, { ca: ca.certificate }), /CERTIFICATE_REQUIRED/)
  t.match(await knock(t, port, { ca: ca.certificate, ...show(leaf(ca)), maxVersion: 'TLSv1.2' }), /protocol version|PROTOCOL_VERSION/)
  t.equal(await failed(), Object.keys(wrong).length + 2)
})

/** Signed by a leaf, which comes along as if it were an intermediate. */
function belowLeaf (): Issued {
  const above = leaf(ca)
  const own = issue({ commonName: 'below', usages: ['clientAuth'], notBefore: days(-1), notAfter: days(9) }, above)
  return { ...own, certificate: own.certificate + above.certificate }
}

test('a certificate of the cluster opens nothing for clients', async (t) => {
  const clients = authority('Client CA')
  const servers = authority('Server CA')
  const pem = new PemFolder(t)
  const config = { ...pem.peers(leaf(ca), [ca]), ...pem.server(leaf(servers)), ...pem.clients([clients], 'required') }
  const { port } = await secureNode(t, config)
  t.ok(await knock(t, port, { ca: servers.certificate, ...show(leaf(ca)) }))
  t.equal(await knock(t, port, { ca: servers.certificate, ...show(leaf(clients)) }), null)
})

test('intermediates lead to the cluster\'s authority', async (t) => {
  const between = authority('Between', {}, ca)
  const own = leaf(between)
  const chain = { ...own, certificate: own.certificate + between.certificate }
  const { port } = await listening(t, new PemFolder(t).peers(chain, [ca]))
  t.equal(await knock(t, port, { ca: ca.certificate, ...show(chain) }), null)
  t.ok(await knock(t, port, { ca: ca.certificate, ...show(own) }), 'not where they are left out')
})

test('bytes that are no TLS get no answer, and the listener goes on', async (t) => {
  const { port } = await listening(t, new PemFolder(t).peers(leaf(ca), [ca]))
  const url = `http://127.0.0.1:${port}`
  const garbage = ['GET /join HTTP/1.1\r\nhost: a\r\n\r\n', Buffer.alloc(70_000, 0xff), Buffer.from('160301ffff01', 'hex'), '\n'.repeat(99)]
  for (const bytes of garbage) {
    // Whoever says nothing more is cut off later, so the sender ends it here.
    const answer = await sendRaw(url, bytes, () => true, 1).catch(({ code }: NodeJS.ErrnoException) => {
      // A node that closes while bytes are on their way to it resets the connection.
      t.equal(code, 'ECONNRESET')
      return null
    })
    t.equal(answer?.status || 0, 0)
  }
  t.equal(await knock(t, port, { ca: ca.certificate, ...show(leaf(ca)) }), null)
})

test('a thousand handshakes that do not go on are bounded, and a node gets in meanwhile', async (t) => {
  const { port } = await listening(t, new PemFolder(t).peers(leaf(ca), [ca]))
  const sockets = Array.from({ length: 1000 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  t.teardown(() => { for (const socket of sockets) socket.destroy() })
  let cut = 0
  await new Promise<void>((resolve) => {
    for (const socket of sockets) socket.once('close', () => { if (++cut === 1000 - 256) resolve() })
  })
  t.equal(await knock(t, port, { ca: ca.certificate, ...show(leaf(ca)) }), null)
})

test('a certificate can be tied to the host of its node', async (t) => {
  const { port } = await listening(t, { ...new PemFolder(t).peers(leaf(ca), [ca]), peerTlsIdentity: 'host' })
  const join = async (own: Issued, peerAddress: string) => ask(port, '/join', {
    method: 'POST',
    ca: ca.certificate,
    ...show(own),
    body: { id: '0123456789abcdef', role: 'replica', peerAddress, apiAddress: 'a:1', isEmpty: true },
  })
  t.match(await join(leaf(ca), 'elsewhere.example:1'), { status: 403, body: { code: 'PEER_CERTIFICATE' } })
  t.match(await join(leaf(ca), '127.0.0.2:1'), { status: 403, body: { code: 'PEER_CERTIFICATE' } })
  // Its certificate will do; what is refused now is that nobody answers there.
  const unreachable = { body: { code: 'ADDRESS_UNREACHABLE' } }
  t.match(await join(leaf(ca), '127.0.0.1:1'), unreachable)
  t.match(await join(leaf(ca, { names: ['elsewhere.example'] }), 'elsewhere.example:1'), unreachable)
})

test('a certificate can be tied to the id of its node', async (t) => {
  const { port } = await listening(t, { ...new PemFolder(t).peers(leaf(ca), [ca]), peerTlsIdentity: 'node-id' })
  const [id, other] = ['0123456789abcdef', 'fedcba9876543210']
  const own = leaf(ca, { names: [`urn:changewell:node:${id}`] })
  const join = async (as: string) => ask(port, '/join', {
    method: 'POST',
    ca: ca.certificate,
    ...show(own),
    body: { id: as, role: 'replica', peerAddress: '127.0.0.1:1', apiAddress: 'a:1', isEmpty: true },
  })
  t.match(await join(other!), { status: 403, body: { code: 'PEER_CERTIFICATE', reason: /urn:changewell:node:fedcba9876543210/ } })
  t.match(await join(id!), { body: { code: 'ADDRESS_UNREACHABLE' } }, 'its certificate will do, and nobody answers there')
})

test('snapshots are for members, and who a node is for those whose certificate is of the id that they name', async (t) => {
  const node = await listening(t, { ...new PemFolder(t).peers(leaf(ca), [ca]), peerTlsIdentity: 'node-id' })
  const [member, newcomer] = ['0123456789abcdef', 'fedcba9876543210'] as const
  await node.addMember(member, '127.0.0.1:1')
  const certificateOf = (id: string) => leaf(ca, { names: [`urn:changewell:node:${id}`] })
  const foreign = { status: 403, body: { code: 'PEER_CERTIFICATE' } }
  for (const [method, path] of [['GET', '/snapshots/1-1'], ['POST', '/identity']] as const) {
    t.match(await node.asked(method, path, leaf(ca), { 'changewell-node': member }), foreign, path)
    t.match(await node.asked(method, path, certificateOf(newcomer), { 'changewell-node': member }), foreign, path)
    const unnamed = await node.asked(method, path, certificateOf(member))
    t.match(unnamed, { status: 400, body: { reason: /does not say which node/ } }, path)
  }
  const [asMember, asNewcomer] = [{ 'changewell-node': member }, { 'changewell-node': newcomer }]
  const snapshot = (id: string, says: Record<string, string>) => node.asked('GET', '/snapshots/1-1', certificateOf(id), says)
  t.match(await snapshot(newcomer, asNewcomer), { status: 404, body: { code: 'MEMBER_NOT_FOUND' } })
  t.match(await snapshot(member, asMember), { status: 404, body: { code: 'SNAPSHOT_GONE' } })
  t.match(await node.asked('POST', '/identity', certificateOf(newcomer), asNewcomer), { status: 200 })
})

test('where certificates are tied to hosts, snapshots are for the hosts of members', async (t) => {
  const node = await listening(t, { ...new PemFolder(t).peers(leaf(ca), [ca]), peerTlsIdentity: 'host' })
  const member = '0123456789abcdef'
  await node.addMember(member, 'member.example:1')
  const [elsewhere, there] = [leaf(ca, { names: ['elsewhere.example'] }), leaf(ca, { names: ['member.example'] })]
  const foreign = { status: 403, body: { code: 'PEER_CERTIFICATE' } }
  const says = { 'changewell-node': member, 'changewell-address': 'elsewhere.example:1' }
  t.match(await node.asked('GET', '/snapshots/1-1', elsewhere, says), foreign, 'it names a member, which is elsewhere')
  const asMember = { 'changewell-node': member }
  t.match(await node.asked('GET', '/snapshots/1-1', there, asMember), { status: 404, body: { code: 'SNAPSHOT_GONE' } })
  t.match(await node.asked('POST', '/identity', there, says), foreign)
  t.match(await node.asked('POST', '/identity', elsewhere, says), { status: 200 }, 'a node may have moved')
})
