import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { test, type Test } from 'tap'
import { authority, days, leaf, PemFolder } from '../support/certificates.ts'
import { freePort } from '../support/free-port.ts'
import { listeningNode } from '../support/node.ts'
import { secureNode } from '../tls/https.ts'
import { run, type Ended } from './command.ts'

const servers = authority('Server CA')
const clients = authority('Client CA')

/** Asks the node at the URL for its members. */
function list (t: Test, url: string, settings: Record<string, string> = {}): Promise<Ended> {
  return run(t, ['member', 'list', '--url', url], settings)
}

/** What was said of the failure, in one line. */
async function told (t: Test, url: string, settings: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await list(t, url, settings)
  t.match({ code, stdout }, { code: 1, stdout: '' })
  t.match(stderr, /^changewell: [^\n]*\.\n$/, 'one line of sentences')
  t.notMatch(stderr, /routines|error:|openssl/i, 'nothing that OpenSSL says to itself')
  return stderr
}

test('a command that a node does not answer says which setting is wrong', async (t) => {
  const pem = new PemFolder(t)
  const node = await secureNode(t, { ...pem.server(leaf(servers)), ...pem.clients([clients], 'required') })
  const url = `https://127.0.0.1:${node.port}`
  const ca = { CHANGEWELL_CALL_CA: pem.write('ca.pem', servers.certificate) }
  const own = (name: string, issued = leaf(clients), { key } = issued) => ({
    ...ca,
    CHANGEWELL_CALL_CERT: pem.write(`${name}.pem`, issued.certificate),
    CHANGEWELL_CALL_KEY: pem.write(`${name}.key`, key),
  })
  t.match(await list(t, url, own('good')), { code: 0, stdout: /leads/ })
  t.match(await told(t, url, ca), /asks for a client certificate\. Name one with CHANGEWELL_CALL_CERT, and its key/)
  const wrong = { other: leaf(servers), old: leaf(clients, { notBefore: days(-9), notAfter: days(-1) }) }
  for (const [name, issued] of Object.entries(wrong)) {
    const said = new RegExp(`refuses the certificate in .*${name}\\.pem\\. CHANGEWELL_CALL_CERT must name`)
    t.match(await told(t, url, own(name, issued)), said)
  }
  const mixed = await told(t, url, own('mixed', leaf(clients), leaf(clients)))
  t.match(mixed, /mixed\.pem \(CHANGEWELL_CALL_CERT\) .*key values mismatch/)
  t.match(await told(t, url), /is not trusted \(unable to verify .*\)\. Name .* with CHANGEWELL_CALL_CA/)
  t.match(await told(t, url, { CHANGEWELL_CALL_CA: pem.write('no.pem', 'no') }), /holds no certificate in PEM; correct CHANGEWELL_CALL_CA/)
  t.match(await told(t, url.replace('https', 'http')), /If it speaks HTTPS, name it with https:/)
})

test('a command tells a node that is elsewhere or plain from one that is not there', async (t) => {
  const pem = new PemFolder(t)
  const ca = { CHANGEWELL_CALL_CA: pem.write('ca.pem', servers.certificate) }
  const elsewhere = await secureNode(t, pem.server(leaf(servers, { names: ['elsewhere.example'] })))
  t.match(await told(t, `https://127.0.0.1:${elsewhere.port}`, ca), /is for other names .* Call the node by one of them with --url/)
  const { url } = await listeningNode(t)
  t.match(await told(t, url.replace('http', 'https'), ca), /does not speak TLS\. Name it with http:/)
  t.match(await told(t, `https://127.0.0.1:${await freePort()}`, ca), /does not answer \(connect ECONNREFUSED.* Name a node that runs with --url\./)
})

/** With their numbers (RFC 8446, section 6). */
const alerts = {
  handshake_failure: 40, bad_certificate: 42, certificate_expired: 45, unknown_ca: 48, certificate_required: 116,
}

for (const [alert, number] of Object.entries(alerts)) {
  test(`the alert ${alert} is about the certificate that was shown`, async (t) => {
    const pem = new PemFolder(t)
    const own = leaf(clients)
    const [cert, key] = [pem.write('own.pem', own.certificate), pem.write('own.key', own.key)]
    const settings = { CHANGEWELL_CALL_CERT: cert, CHANGEWELL_CALL_KEY: key }
    // A record of one alert, which is fatal.
    const record = Buffer.from([21, 3, 3, 0, 2, 2, number])
    const server = createServer((socket) => { socket.on('error', () => {}).end(record) })
    server.listen(0, '127.0.0.1')
    t.teardown(() => { server.close() })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    t.match(await told(t, `https://127.0.0.1:${port}`, settings), /refuses the certificate in .*own\.pem \(.*CHANGEWELL_CALL_CERT must name/)
  })
}
