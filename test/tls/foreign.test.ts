import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { test, type Test } from 'tap'
import { authority, leaf, PemFolder } from '../support/certificates.ts'
import { folder } from '../support/node.ts'
import { join } from 'node:path'
import { ask, secureNode } from './https.ts'

/** Clients that are not ours: what they see is what others will. */

const ca = authority('Server CA')
const clients = authority('Client CA')
const cluster = authority('Cluster CA')

async function secured (t: Test, config: object = {}) {
  const pem = new PemFolder(t)
  const own = leaf(clients, { commonName: 'web', usages: ['clientAuth'] })
  const peer = leaf(cluster)
  const node = await secureNode(t, {
    ...pem.server(leaf(ca)), ...pem.clients([clients], 'required'), ...pem.peers(leaf(cluster), [cluster]), ...config,
  })
  const peers = await node.app.raft.listen('127.0.0.1', 0)
  return {
    ...node,
    peerPort: Number(peers.split(':').at(-1)),
    ca: pem.write('server-ca.pem', ca.certificate),
    client: ['--cert', pem.write('web.pem', own.certificate), '--key', pem.write('web.key', own.key)],
    peer: { ca: pem.write('cluster-ca.pem', cluster.certificate), cert: pem.write('n2.pem', peer.certificate), key: pem.write('n2.key', peer.key) },
  }
}

function curl (...args: string[]): Promise<{ code: number, stdout: string, stderr: string }> {
  return new Promise((resolve) => {
    execFile('curl', ['--silent', '--show-error', '--max-time', '60', ...args], (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr })
    })
  })
}

/** What `openssl s_client` shows of the handshake, and of the answer to one request. */
async function sClient (port: number, ...args: string[]): Promise<string> {
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { output += text })
  child.stdin.on('error', () => {})
  child.stdin.write('GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
  await once(child, 'close')
  return output
}

test('curl is served with the right certificates, and with no others', async (t) => {
  const { port, ca: cacert, client } = await secured(t)
  const url = `https://localhost:${port}`
  t.match(await curl('--cacert', cacert, ...client, `${url}/livez`), { code: 0, stdout: '{"status":"ok"}' })
  t.match(await curl('--cacert', cacert, ...client, '--tlsv1.2', '--tls-max', '1.2', `${url}/livez`), { code: 0 })
  t.match(await curl('--cacert', cacert, `${url}/livez`), { code: 56, stderr: /certificate required/ })
  t.match(await curl(...client, `${url}/livez`), { code: 60, stderr: /certificate/ }, 'the system knows no such authority')
  t.match(await curl('--cacert', cacert, ...client, '--resolve', `else.example:${port}:127.0.0.1`, `https://else.example:${port}/`), { code: 60 })
  const plain = await curl(`http://localhost:${port}/livez`)
  t.not(plain.code, 0, 'plain HTTP is no way in')
})

test('curl speaks HTTP/2 where it is switched on', async (t) => {
  const { port, ca: cacert, client } = await secured(t, { http2: true })
  const write = ['--write-out', '%{http_version} %{http_code}', '--output', '/dev/null']
  t.match(await curl('--cacert', cacert, ...client, ...write, `https://localhost:${port}/changes`), { code: 0, stdout: '2 200' })
  t.match(await curl('--cacert', cacert, ...client, ...write, '--http1.1', `https://localhost:${port}/changes`), { code: 0, stdout: '1.1 200' })
})

test('openssl sees TLS 1.3 alone between nodes, one authority to show certificates of, and resumes sessions', async (t) => {
  const { peerPort, peer } = await secured(t)
  const own = ['-CAfile', peer.ca, '-verify_return_error', '-cert', peer.cert, '-key', peer.key]
  const session = join(folder(t), 'session')
  const seen = await sClient(peerPort, ...own, '-sess_out', session)
  t.match(seen, /Verify return code: 0 \(ok\)/)
  t.match(seen, /New, TLSv1\.3/)
  t.match(seen, /Acceptable client certificate CA names\nCN = Cluster CA\n/)
  t.match(seen, /HTTP\/1\.1 404/, 'it gets as far as an answer')
  t.match(await sClient(peerPort, ...own, '-sess_in', session), /Reused, TLSv1\.3/)
  t.match(await sClient(peerPort, ...own, '-tls1_2'), /alert protocol version/)
  t.match(await sClient(peerPort, '-CAfile', peer.ca), /alert certificate required/)
  t.notMatch(await sClient(peerPort, '-CAfile', peer.ca), /HTTP\//)
})

test('openssl cannot renegotiate or agree on what is weak with the listener for clients', async (t) => {
  const { port, ca: cacert, client } = await secured(t)
  const [, cert, , key] = client
  const own = ['-CAfile', cacert, '-cert', cert!, '-key', key!]
  t.match(await sClient(port, ...own), /HTTP\/1\.1 200/)
  for (const weak of ['AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA256', 'DHE-RSA-AES128-GCM-SHA256']) {
    t.match(await sClient(port, ...own, '-tls1_2', '-cipher', weak), /handshake failure|no ciphers available/, weak)
  }
  t.match(await sClient(port, ...own, '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0'), /alert protocol version|no protocols available/)
  t.equal((await ask(port, '/livez', { ca: ca.certificate, ...keyed(clients) })).status, 200)
})

function keyed (above: typeof ca): { cert: string, key: string } {
  const { certificate, key } = leaf(above)
  return { cert: certificate, key }
}
