import pino from 'pino'
import { test, type Test } from 'tap'
import type { CertificateRequest } from '../../app/certificates/issue.ts'
import { loadConfig, type Config } from '../../app/config.ts'
import { buildServer } from '../../app/server.ts'
import { bearer, files } from '../auth/files.ts'
import { authority, leaf, PemFolder } from '../support/certificates.ts'
import { folder } from '../support/node.ts'
import { ask, portOf, secureNode, show, type SecureAnswer } from './https.ts'

const servers = authority('Server CA')
const clients = authority('Client CA')

type Shown = Partial<CertificateRequest> | null
type Ask = (path: string, shown: Shown, headers?: Record<string, string>) => Promise<SecureAnswer>

async function node (t: Test, config: object, clientAuth: 'optional' | 'required' = 'optional'): Promise<Ask> {
  const pem = new PemFolder(t)
  const secure = { ...pem.server(leaf(servers)), ...pem.clients([clients], clientAuth) }
  const { port } = await secureNode(t, { ...secure, ...config })
  return (path, shown, headers = {}) => ask(port, path, {
    ca: servers.certificate, headers, ...(shown === null ? {} : show(leaf(clients, { names: [], ...shown }))),
  })
}

test('a client certificate gives a name: its common name, else its first alternative name', async (t) => {
  const policy = { identities: { web: { read: ['*'] }, 'DNS:spare.example': { read: ['*'] }, ci: { metrics: true } } }
  const call = await node(t, files(t, { tokens: ['ci'], policy }).config)
  t.equal((await call('/changes', { commonName: 'web', names: ['other.example'] })).status, 200)
  t.equal((await call('/changes', { commonName: '', names: ['spare.example', 'web'] })).status, 200)
  t.match(await call('/changes', { commonName: 'other' }), { status: 403, body: { code: 'FORBIDDEN', identity: 'other' } })
  t.match(await call('/changes', { commonName: '' }), {
    status: 401, body: { detail: /^The client certificate \(.*\) names nobody: .* Credentials are needed/ },
  }, 'one without a name is as none, and the answer says so')
  t.equal((await call('/changes', null)).status, 401)
  t.equal((await call('/metrics', { commonName: 'web' }, bearer('ci'))).status, 200, 'credentials come first')
  t.equal((await call('/changes', { commonName: 'web' }, bearer('eve'))).status, 401, 'also wrong ones')
})

test('a name that looks like several is one', async (t) => {
  const policy = { identities: { 'DNS:web': { read: ['*'] }, web: { read: ['*'] }, 'CN=web': { read: ['*'] } } }
  const call = await node(t, files(t, { policy }).config)
  for (const commonName of ['x, DNS:web', 'x\nCN=web', 'web\0', 'Web', 'web ']) {
    t.match(await call('/changes', { commonName }), { status: 403, body: { code: 'FORBIDDEN' } }, JSON.stringify(commonName))
  }
  t.match(await call('/changes', { commonName: '', names: ['x, DNS:web'] }), { status: 403, body: { code: 'FORBIDDEN' } })
})

test('where certificates alone identify, who has none is forbidden rather than asked for a password', async (t) => {
  const call = await node(t, files(t, { policy: { identities: { web: { read: ['*'] } } } }).config)
  t.equal((await call('/changes', { commonName: 'web' })).status, 200)
  const answer = await call('/changes', null, bearer('eve'))
  t.match(answer, { status: 403, body: { code: 'FORBIDDEN', identity: null, role: 'read' } })
  t.equal(answer.headers['www-authenticate'], undefined)
  t.match(await call('/changes', { commonName: '' }), { status: 403, body: { detail: /names nobody: .* lacks the role read/ } })
})

test('the log names the client in the lines about its requests', async (t) => {
  const lines: Record<string, unknown>[] = []
  const write = (line: string): void => { lines.push(JSON.parse(line) as Record<string, unknown>) }
  const pem = new PemFolder(t)
  const config: Config = {
    ...loadConfig({}), dataDir: folder(t), ...pem.server(leaf(servers)), ...pem.clients([clients], 'optional'),
  }
  const app = await buildServer(config, pino({ level: 'debug' }, { write }))
  t.teardown(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const call = (shown: object) => ask(portOf(app.server), '/nowhere', { ca: servers.certificate, ...shown })
  t.equal((await call(show(leaf(clients, { commonName: 'web' })))).status, 404)
  t.equal((await call({})).status, 404)
  const refusals = lines.filter(({ msg }) => msg === 'a request was refused')
  t.same(refusals.map(({ client }) => client), ['CN=web', undefined])
})

test('without a policy, whoever has a certificate may do everything', async (t) => {
  const call = await node(t, {}, 'required')
  t.equal((await call('/cluster/members', { commonName: 'anybody' })).status, 200)
})
