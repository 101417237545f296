import { execFileSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import { test, type Test } from 'tap'
import type { Issued } from '../../app/certificates/issue.ts'
import { loadConfig, type Config } from '../../app/config.ts'
import { Tls } from '../../plugins/tls/index.ts'
import { authority, days, joined, leaf, PemFolder, type Wish } from '../support/certificates.ts'

const ca = authority('Cluster CA')

async function faults (t: Test, config: Partial<Config>): Promise<string[]> {
  try {
    const tls = await Tls.open({ ...loadConfig({}), ...config }, pino({ level: 'silent' }))
    await tls.close()
    return []
  } catch (error) {
    const { faults: found = [], code } = error as { faults?: string[], code?: string }
    if (code !== 'TLS_FILES') throw error
    for (const fault of found) t.match(fault, /^CHANGEWELL_[A-Z0-9_]+\b.*\.$/, 'names the setting, and is a sentence')
    return found
  }
}

/** That there is one fault, and what it says. */
async function oneFault (t: Test, config: Partial<Config>, words: RegExp, what = 'what it says'): Promise<void> {
  const found = await faults(t, config)
  t.equal(found.length, 1, found.join('\n'))
  t.match(found[0], words, what)
}

test('everything that is wrong is told at once', async (t) => {
  const pem = new PemFolder(t)
  const found = await faults(t, {
    tlsCert: '/nowhere/cert.pem',
    tlsKey: pem.write('no.key', 'no key'),
    clientAuth: 'required',
    ...pem.peers(leaf(authority('Other')), [ca]),
    peerTlsKey: '/nowhere/peer.key',
    insecurePeers: true,
  })
  t.match(found.join('\n'), /CLIENT_AUTH is required.*CHANGEWELL_CLIENT_CA/)
  t.match(found.join('\n'), /INSECURE_PEERS/)
  t.match(found.join('\n'), /TLS_CERT: \/nowhere\/cert.pem cannot be read \(ENOENT\)/)
  t.match(found.join('\n'), /TLS_KEY: .*no.key holds no private key/)
  t.match(found.join('\n'), /PEER_TLS_KEY: \/nowhere\/peer.key cannot be read/)
  t.match(found.join('\n'), /PEER_TLS_CERT: no authority in .* has signed/)
  t.equal(found.length, 6)
})

test('settings that mean nothing without others are told of', async (t) => {
  const pem = new PemFolder(t)
  const server = pem.server(leaf(ca))
  const { clientCa } = pem.clients([authority('Client CA')], 'optional')
  await oneFault(t, { tlsCert: server.tlsCert }, /TLS_CERT is set, and CHANGEWELL_TLS_KEY not/)
  await oneFault(t, { peerTlsCa: 'x' }, /PEER_TLS_CA is set, and CHANGEWELL_PEER_TLS_CERT and CHANGEWELL_PEER_TLS_KEY not/)
  await oneFault(t, { ...server, clientCa }, /nobody is asked/)
  await oneFault(t, { clientCa, clientAuth: 'optional' }, /speaks plain HTTP/)
  await oneFault(t, { http2: true }, /CHANGEWELL_HTTP2 is set, but the node speaks plain HTTP/)
  await oneFault(t, { httpPort: 0 }, /CHANGEWELL_HTTP_PORT is set/)
  await oneFault(t, { peerTlsIdentity: 'host' }, /PEER_TLS_IDENTITY is host, but peers show no certificates/)
})

test('without TLS, peers are listened to on the loopback alone, unless that is wanted', async (t) => {
  for (const peerHost of ['0.0.0.0', '::', '192.0.2.1']) await oneFault(t, { peerHost }, /CHANGEWELL_INSECURE_PEERS=true/)
  for (const peerHost of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) t.same(await faults(t, { peerHost }), [])
  t.same(await faults(t, { peerHost: '0.0.0.0', insecurePeers: true }), [])
  t.same(await faults(t, { peerHost: '0.0.0.0', ...new PemFolder(t).peers(leaf(ca), [ca]) }), [])
})

test('certificates and keys that cannot be used are refused with the reason', async (t) => {
  const pem = new PemFolder(t)
  const [one, other] = [leaf(ca), leaf(ca)]
  const server = (own = one, key = own.key) => pem.server({ ...own, key })
  await oneFault(t, server(one, other.key), /TLS_KEY: the key in .* does not belong to the certificate/)
  const between = authority('Between', {}, ca)
  const below = leaf(between)
  await oneFault(t, server({ ...below, certificate: joined([between, below]) }), /TLS_CERT: .* must come first/)
  await oneFault(t, server(leaf(ca, { notBefore: days(-9), notAfter: days(-1) })), /expired on 20.*; renew it/)
  await oneFault(t, server(leaf(ca, { notBefore: days(1) })), /valid only from/)
  await oneFault(t, server(leaf(ca, { usages: ['clientAuth'] })), /may not be used for serverAuth/)
  await oneFault(t, server({ ...one, certificate: 'nothing' }), /holds no certificate/)
  const spoilt = one.certificate.replace(/\n.{20}/, `\n${'A'.repeat(20)}`)
  await oneFault(t, server({ ...one, certificate: spoilt }), /cannot be read/)
  const ends = {
    'cut off': ['-----END CERTIFICATE--', /it is cut off, or does not stand between BEGIN CERTIFICATE and END CERTIFICATE/],
    'not there': ['', /it is cut off/],
    'of another name': ['-----END PUBLIC KEY-----', /it is cut off, or does not stand between/],
    'set in': [' -----END CERTIFICATE-----', /bad end line/],
  } as const
  for (const [what, [end, words]] of Object.entries(ends)) {
    const certificate = one.certificate.replace('-----END CERTIFICATE-----', end)
    const said = new RegExp(`TLS_CERT: a certificate in .* cannot be read \\(${words.source}.*\\); put it there anew`)
    await oneFault(t, server({ ...one, certificate }), said, what)
  }
  await oneFault(t, server(one, one.key.slice(0, -9)), /TLS_KEY: the private key in .* is damaged, cut off or/)
  await oneFault(t, server(one, one.certificate), /TLS_KEY: .* holds no private key; it must have one in PEM/)
  const secret = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const
  await oneFault(t, server(one, createPrivateKey(one.key).export(secret) as string), /passphrase/)
})

test('a certificate that is too weak for OpenSSL is told from others that it does not take', async (t) => {
  const pem = new PemFolder(t)
  const path = (name: string): string => join(pem.directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' })
  const named = (name: string) => ({ tlsCert: path(`${name}.pem`), tlsKey: path(`${name}.key`) })
  openssl('req', '-x509', '-newkey', 'rsa:512', '-nodes', '-subj', '/CN=a', '-keyout', path('weak.key'), '-out', path('weak.pem'))
  await oneFault(t, named('weak'), /TLS_CERT: OpenSSL does not take .* \(ee key too small\); make a stronger one\./)
  // With a key of this kind secrets are agreed on, and nothing is signed.
  openssl('genpkey', '-algorithm', 'x25519', '-out', path('other.key'))
  openssl('pkey', '-in', path('other.key'), '-pubout', '-out', path('other.pub'))
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=a', '-keyout', path('above.key'), '-out', path('csr'))
  openssl('x509', '-req', '-in', path('csr'), '-force_pubkey', path('other.pub'), '-signkey', path('above.key'), '-out', path('other.pem'))
  await oneFault(t, named('other'), /TLS_CERT: OpenSSL does not take .* \(unknown certificate type\); make another, as changewell certs does\./)
})

test('a certificate that no handshake comes about with is refused, and why', async (t) => {
  const pem = new PemFolder(t)
  const path = (name: string): string => join(pem.directory, name)
  pem.write('ca.pem', ca.certificate)
  pem.write('ca.key', ca.key)
  pem.write('openssl.cnf', '[req]\ndistinguished_name = name\n[name]\n')
  const made = (key: string, ...extensions: string[]): Issued => {
    const [algorithm = '', option = ''] = key.split(' ')
    execFileSync('openssl', [
      'req', '-x509', '-config', path('openssl.cnf'), '-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-subj', '/CN=node', '-nodes',
      '-newkey', algorithm, '-pkeyopt', option, '-keyout', path('made.key'), '-out', path('made.pem'),
      ...extensions.flatMap((extension) => ['-addext', extension]),
    ], { stdio: 'ignore' })
    return { certificate: readFileSync(path('made.pem'), 'utf8'), key: readFileSync(path('made.key'), 'utf8') }
  }
  const under = (between: Issued, wish: Wish = {}): Issued => {
    const own = leaf(between, wish)
    return { ...own, certificate: own.certificate + between.certificate }
  }
  const p256 = 'ec ec_paramgen_curve:P-256'
  const unusable: Record<string, [Issued, RegExp]> = {
    'a curve that TLS does not use': [made('ec ec_paramgen_curve:secp256k1'), /no suitable signature algorithm/],
    'a curve that TLS 1.3 does not use': [made('ec ec_paramgen_curve:brainpoolP256r1'), /no suitable signature algorithm/],
    'a key that signs certificates alone': [made(p256, 'keyUsage=critical,keyCertSign'), /unsuitable certificate purpose/],
    'what nobody knows, and must': [made(p256, '1.2.3.4.5=critical,ASN1:UTF8String:x'), /unhandled critical extension/],
    'an intermediate that has expired': [under(authority('Between', { notAfter: days(-0.5) }, ca)), /certificate has expired/],
    'an intermediate that is not valid yet': [under(authority('Between', { notBefore: days(1) }, ca)), /certificate is not yet valid/],
    'an intermediate that is no authority': [under(made(p256, 'basicConstraints=critical,CA:FALSE')), /unsuitable certificate purpose/],
    'an intermediate for clients alone': [under(authority('Between', { usages: ['clientAuth'] }, ca)), /unsuitable certificate purpose/],
  }
  for (const [what, [own, reason]] of Object.entries(unusable)) {
    const said = (who: string): RegExp => new RegExp(`TLS_CERT: ${who} would refuse the certificate in .* \\((${reason.source})\\): .* make another`)
    await oneFault(t, pem.server(own), said('clients'), what)
    await oneFault(t, pem.peers(own, [ca]), said('other nodes'), what)
  }
  const servers: Record<string, Issued> = {
    'a key that signs nothing': made('rsa rsa_keygen_bits:2048', 'keyUsage=critical,keyEncipherment'),
    'an intermediate for servers alone': under(authority('Between', { usages: ['serverAuth'] }, ca)),
  }
  const said = /PEER_TLS_CERT: other nodes would refuse the certificate in .* \(as a client's: INVALID_PURPOSE\)/
  for (const [what, own] of Object.entries(servers)) {
    t.same(await faults(t, pem.server(own)), [], what)
    await oneFault(t, pem.peers(own, [ca]), said, what)
  }
})

test('a certificate of any kind that handshakes come about with is taken, with all that may stand after it', async (t) => {
  const pem = new PemFolder(t)
  const own = { tlsCert: join(pem.directory, 'own.pem'), tlsKey: join(pem.directory, 'own.key') }
  const files = ['-keyout', own.tlsKey, '-out', own.tlsCert]
  for (const key of ['rsa:2048', 'ed25519']) {
    execFileSync('openssl', ['req', '-x509', '-newkey', key, '-nodes', '-subj', '/CN=signs itself', ...files], { stdio: 'ignore' })
    t.same(await faults(t, own), [], key)
  }
  const over = authority('Renewed elsewhere', { notAfter: days(-0.5) }, authority('Oldest'))
  const below = authority('Below it', {}, over)
  const high = leaf(below)
  t.same(await faults(t, pem.server({ ...high, certificate: joined([high, below, over]) })), [],
    'what stands higher up and has expired, others have in another certificate')
  const root = authority('Root', { notAfter: days(-0.5) })
  const [other, between] = [authority('Other'), authority('Between', {}, root)]
  const signed = leaf(between)
  const chains = {
    'without its intermediate': [signed],
    'with it': [signed, between],
    'with a root that clients have a newer one of': [signed, between, root],
    'with another authority': [signed, other],
    'in another order': [signed, root, between],
  }
  for (const [what, chain] of Object.entries(chains)) {
    t.same(await faults(t, pem.server({ ...signed, certificate: joined(chain) })), [], what)
  }
})

test('a node of a cluster must be trusted by those that trust the same authorities', async (t) => {
  const pem = new PemFolder(t)
  const between = authority('Between', {}, ca)
  const own = leaf(between)
  await oneFault(t, pem.peers(own, [ca]), /no authority in .* has signed/)
  t.same(await faults(t, pem.peers({ ...own, certificate: own.certificate + between.certificate }, [ca])), [])
  await oneFault(t, pem.peers(leaf(ca, { usages: ['serverAuth'] }), [ca]), /may not be used for clientAuth/)
  await oneFault(t, pem.peers(own, [between]), /but not the one that has signed it/)
  await oneFault(t, pem.peers(leaf(ca), [ca, leaf(null)]), /no authority's/)
})

test('authorities whose time is over are refused, unless there is one beside them', async (t) => {
  const pem = new PemFolder(t)
  const over = authority('Old CA', { notBefore: days(-9), notAfter: days(-1) })
  await oneFault(t, { ...pem.server(leaf(ca)), ...pem.clients([over], 'optional') }, /expired on/)
  t.same(await faults(t, pem.peers(leaf(ca), [over, ca])), [])
  await oneFault(t, pem.peers(leaf(over), [over, ca]), /other nodes would refuse .* \(certificate has expired\)/)
  const next = authority('Next CA')
  for (const own of [ca, next]) t.same(await faults(t, pem.peers(leaf(own), [ca, next])), [], 'both are trusted for a while')
})

test('whoever signs for clients may not sign for nodes', async (t) => {
  const pem = new PemFolder(t)
  const config = { ...pem.peers(leaf(ca), [ca]), ...pem.server(leaf(ca)), ...pem.clients([authority(), ca], 'required') }
  await oneFault(t, config, /every client could take part in the cluster as a node/)
  const [certificate, key, renewed] = [pem.write('ca.pem', ca.certificate), pem.write('ca.key', ca.key), join(pem.directory, 'new.pem')]
  execFileSync('openssl', ['x509', '-in', certificate, '-signkey', key, '-days', '60', '-out', renewed], { stdio: 'ignore' })
  const again = { certificate: readFileSync(renewed, 'utf8'), key: ca.key }
  t.not(again.certificate, ca.certificate)
  await oneFault(t, { ...config, ...pem.clients([again], 'required') }, /every client could take part/, 'the same key in another certificate')
})
