import { test } from 'tap'
import { authority, days, leaf, PemFolder } from '../support/certificates.ts'
import { ask, knock, secureNode, show } from './https.ts'

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

const right = authority('Client CA')
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
