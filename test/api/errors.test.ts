import { execFileSync } from 'node:child_process'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { test, type Test } from 'tap'
import { errors } from '../../app/errors.ts'
import type { ProblemCode } from '../../storage/problem.ts'
import { bearer, files, tokenOf } from '../auth/files.ts'
import { listeningNode, startProcess, until, type RunningNode } from '../support/node.ts'
import { sendRaw } from '../support/raw-http.ts'
import { authority, leaf, PemFolder } from '../support/certificates.ts'
import { stallDisk } from '../support/stalled-disk.ts'
import { ask, secureNode, show } from '../tls/https.ts'
import { hang, refuse, startHook } from '../webhooks/hook.ts'
import { keysPath, startNode, startStocked, type Answer } from './client.ts'
import { checkManners, checkProblem } from './manners.ts'

type Refusal = Pick<Answer, 'status' | 'headers' | 'body'>

/** How a client comes to each code. A code without a way here does not compile. */
const ways: Record<ProblemCode, (t: Test) => Promise<Refusal>> = {
  BAD_REQUEST: async (t) => (await startNode(t)).get('/%ff'),
  INVALID_FIELD: async (t) => (await startNode(t)).get('/changes?limit=0'),
  INVALID_JSON: async (t) => (await startNode(t)).post('/changes', '{"data":}'),
  UNSUPPORTED_MEDIA_TYPE: async (t) => (await startNode(t)).post('/changes', '<data/>', { 'content-type': 'text/xml' }),
  NOT_ACCEPTABLE: async (t) => (await startNode(t)).get('/changes', { accept: 'text/xml' }),
  BODY_TOO_LARGE: async (t) => (await startNode(t, { bodyBytesMax: 1024 })).post('/changes', { data: 'x'.repeat(2000) }),
  HEADERS_TOO_LARGE: async (t) => raw(t, `GET /changes HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`),
  REQUEST_TIMEOUT: async (t) => raw(t, 'POST /changes HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{'),
  async IDEMPOTENCY_KEY_REUSED (t) {
    const client = await startNode(t)
    await client.post('/changes', { data: 1 }, { 'idempotency-key': 'k' })
    return client.post('/changes', { data: 2 }, { 'idempotency-key': 'k' })
  },

  UNAUTHENTICATED: async (t) => (await startNode(t, files(t, { tokens: ['ann'] }).config)).get('/changes'),
  async FORBIDDEN (t) {
    const policy = { identities: { ann: { read: ['*'], write: ['coke'] } } }
    return (await startNode(t, files(t, { tokens: ['ann'], policy }).config)).post('/tenants', { name: 'pepsi' }, bearer('ann'))
  },
  async TOO_MANY_ATTEMPTS (t) {
    const client = await startNode(t, { ...files(t, { tokens: ['ann'] }).config, authFailuresMax: 1 })
    t.equal((await client.get('/changes', bearer('bob'))).status, 401)
    return client.get('/changes', bearer('bob'))
  },
  async RIGHTS_CHANGED (t) {
    const { config, write } = files(t, { tokens: ['ann'] })
    const client = await startNode(t, config)
    const poll = client.get('/changes?block=60', bearer('ann'))
    await until(() => client.app.feed.waiters.size === 1, 'the reader to wait')
    write('tokens', `${tokenOf('bob')} bob\n`)
    await client.app.access.reload()
    return poll
  },

  ROUTE_NOT_FOUND: async (t) => (await startNode(t)).get('/nowhere'),
  METHOD_NOT_ALLOWED: async (t) => (await startNode(t)).delete('/changes'),
  TENANT_NOT_FOUND: async (t) => (await startNode(t)).get('/tenants/coke'),
  COLLECTION_NOT_FOUND: async (t) => (await startStocked(t)).get('/tenants/coke/collections/x'),
  KEY_NOT_FOUND: async (t) => (await startStocked(t)).get(`${keysPath}/k`),
  REVISION_NOT_FOUND: async (t) => (await startNode(t)).get('/changes/1'),
  REVISION_AHEAD: async (t) => (await startNode(t)).get('/changes?since=1'),
  async HISTORY_GONE (t) {
    const client = await startStocked(t, { feedTailBytesMax: 1 })
    await client.put('/cluster/settings', { historyChanges: 1 })
    await until(async () => (await client.get('/changes')).status === 410, 'the history to be cut')
    return client.get('/changes')
  },

  MEMBER_NOT_FOUND: async (t) => (await startNode(t)).get('/cluster/members/0123456789abcdef'),
  async NODE_REMOVED (t) {
    const client = await startNode(t)
    const node = { id: '0123456789abcdef', role: 'replica', peerAddress: '127.0.0.1:1', apiAddress: '127.0.0.1:2' }
    t.equal((await client.post('/cluster/members?wait=0', node)).status, 202)
    t.equal((await client.delete('/cluster/members/0123456789abcdef')).status, 204)
    return client.post('/cluster/members?wait=0', node)
  },
  async LAST_VOTER (t) {
    const client = await startNode(t)
    return client.delete(`/cluster/members/${(await client.get('/cluster')).body.id as string}`)
  },
  NO_SUCCESSOR: async (t) => (await startNode(t)).put('/cluster/leader', {}),
  async CERTIFICATE_REFUSED (t) {
    const pem = new PemFolder(t)
    const servers = authority('Servers')
    const config = { ...pem.server(leaf(servers)), ...pem.clients([authority('Clients')], 'optional') }
    const { port } = await secureNode(t, config)
    return ask(port, '/changes', { ca: servers.certificate, ...show(leaf(servers)) })
  },
  async PEER_CERTIFICATE (t) {
    const ca = authority()
    const own = leaf(ca)
    const client = await startNode(t, { ...new PemFolder(t).peers(own, [ca]), peerTlsIdentity: 'host' })
    const [, port] = (await client.app.raft.listen('127.0.0.1', 0)).split(':')
    const body = { id: '0123456789abcdef', role: 'voter', peerAddress: 'elsewhere:1', apiAddress: 'a:2', isEmpty: true }
    return ask(Number(port), '/join', { method: 'POST', ca: ca.certificate, ...show(own), body })
  },
  async NODE_LOST_DATA (t) {
    const client = await startNode(t)
    const { id } = (await client.get('/cluster')).body as { id: string }
    return askToJoin(client.app, { id, isEmpty: true })
  },
  ADDRESS_UNREACHABLE: async (t) => askToJoin((await startNode(t)).app, { peerAddress: '127.0.0.1:1' }),
  WRONG_CLUSTER: async (t) => askToJoin((await startNode(t)).app, { clusterId: '0123456789abcdef' }),

  TENANT_EXISTS: async (t) => (await startStocked(t)).post('/tenants', { name: 'coke' }),
  TENANT_NOT_EMPTY: async (t) => (await startStocked(t)).delete('/tenants/coke'),
  async TENANT_RENAMED (t) {
    const policy = { identities: { all: { read: ['*'], write: ['*'], admin: true }, ann: { write: ['coke'] } } }
    const client = await startNode(t, files(t, { tokens: ['all', 'ann'], policy }).config)
    const all = bearer('all')
    const { body: { id } } = await client.post('/tenants', { name: 'coke' }, all)
    const shows = (member: string) => until(async () => (await client.get('/locks', all)).body[member] === 1, member)
    const release = stallDisk(t)
    const rename = client.put('/tenants/coke', { name: 'vault' }, all)
    await shows('held')
    const write = client.post('/changes', { tenant: id, data: 'late' }, bearer('ann'))
    await shows('waiting')
    release()
    t.equal((await rename).status, 200)
    return write
  },
  TENANT_MOVED: async (t) => (await startStocked(t)).put('/tenants/coke', { name: 'pepsi/coke' }),
  async TENANT_NAME_TOO_LONG (t) {
    const client = await startStocked(t)
    let name = 'coke'
    for (let at = 0; at < 4; at++) await client.post('/tenants', { name: name += `/${'x'.repeat(120)}` })
    return client.put('/tenants/coke', { name: 'c'.repeat(100) })
  },
  COLLECTION_EXISTS: async (t) => (await startStocked(t)).post('/tenants/coke/collections', { name: 'settings' }),
  async COLLECTION_NOT_EMPTY (t) {
    const client = await startStocked(t)
    await client.put(`${keysPath}/k`, { data: 1 })
    return client.delete('/tenants/coke/collections/settings')
  },
  PRECONDITION_FAILED: async (t) => (await startStocked(t)).put(`${keysPath}/k`, { data: 1 }, { 'if-match': '*' }),

  async WRITE_REJECTED (t) {
    const client = await startStocked(t)
    const { url } = await startHook(t, refuse({ reason: 'not today' }))
    await client.put('/cluster/settings', { webhooks: [{ name: 'calendar', url }] })
    return client.put(`${keysPath}/k`, { data: 1 })
  },
  TOO_MANY_READERS: async (t) => (await startNode(t, { streamsMax: 0 })).get('/changes', { accept: 'text/event-stream' }),
  async TOO_MANY_WRITES (t) {
    const client = await startNode(t, { writesPendingMax: 1 })
    await client.get('/readyz')
    const release = stallDisk(t)
    const first = client.post('/changes', {})
    const second = await client.post('/changes', {})
    release()
    t.equal((await first).status, 201)
    return second
  },
  QUEUE_FULL: async (t) => (await startNode(t, { queueWritesMax: 0 })).post('/changes?ack=queue', {}),
  async TOO_MUCH_UNCOMMITTED (t) {
    const client = await startNode(t, { uncommittedBytesMax: 64 * 1024 })
    await client.get('/readyz')
    const release = stallDisk(t)
    const first = client.post('/changes', { data: 'x'.repeat(64 * 1024) })
    await until(() => client.app.raft.pending === 1, 'the first to be proposed')
    // What comes in the same turn would be taken together with it.
    await client.get('/livez')
    const second = await client.post('/changes', { data: 'x'.repeat(64 * 1024) })
    release()
    t.equal((await first).status, 201)
    return second
  },
  async TOO_MANY_WAITERS (t) {
    const client = await startStocked(t, { lockWaitersMax: 0 })
    const release = stallDisk(t)
    const writes = [client.put(`${keysPath}/k`, { data: 1 }), client.put(`${keysPath}/k`, { data: 2 })]
    const first = await Promise.race(writes)
    release()
    t.same((await Promise.all(writes)).map(({ status }) => status).sort(), [201, 503])
    return first
  },
  async LOCK_TIMEOUT (t) {
    const client = await startStocked(t, { lockWaitSeconds: 1 })
    const release = stallDisk(t)
    const writes = [client.put(`${keysPath}/k`, { data: 1 }), client.put(`${keysPath}/k`, { data: 2 })]
    const first = await Promise.race(writes)
    release()
    t.same((await Promise.all(writes)).map(({ status }) => status).sort(), [201, 503])
    t.equal((await client.get('/changes')).body.lastRevision, 3, 'and one was not begun')
    return first
  },
  async HOOK_FAILED (t) {
    const client = await startStocked(t)
    await client.put('/cluster/settings', { webhooks: [{ name: 'calendar', url: (await startHook(t, hang)).url, timeoutMs: 10 }] })
    return client.put(`${keysPath}/k`, { data: 1 })
  },
  async WRITE_TIMEOUT (t) {
    const client = await startNode(t, { writeTimeoutSeconds: 1 })
    await client.get('/readyz')
    const send = () => client.post('/changes', { data: 'once' }, { 'idempotency-key': 'k' })
    const release = stallDisk(t)
    const answer = await send()
    release()
    let again = answer
    await until(async () => (again = await send()).status !== 504, 'its outcome')
    t.equal(again.status, 201, 'sent again it learns its outcome')
    t.equal(again.body.revision, 1, 'and is done once')
    return answer
  },
  async WRITE_EXPIRED (t) {
    const client = await startNode(t)
    await client.get('/readyz')
    const release = stallDisk(t)
    // The clock goes back by an hour between two writes, and the second one is decided by the time of the first.
    const { now } = Date
    Date.now = () => now() + 3_600_000
    t.teardown(() => { Date.now = now })
    const first = client.post('/changes', {})
    await until(() => client.app.raft.status.lastIndex > client.app.raft.status.appliedIndex, 'the first write')
    Date.now = now
    const second = client.post('/changes', {})
    release()
    t.equal((await first).status, 201)
    return second
  },
  OUTCOME_UNKNOWN: failLog,
  RECEIPT_NOT_FOUND: async (t) => (await startNode(t)).get('/receipts/mistyped'),
  async RECEIPT_GONE (t) {
    const client = await startNode(t, { receiptSeconds: 1, writeTimeoutSeconds: 1 })
    const { body: { receipt } } = await client.post('/changes?ack=leader', {})
    let answer = await client.get(`/receipts/${receipt}`)
    await until(async () => {
      // Outcomes share rows, which are forgotten once others have followed.
      await client.post('/changes', {})
      answer = await client.get(`/receipts/${receipt}`)
      return answer.status === 410
    }, 'the outcome to be forgotten')
    return answer
  },
  DISK_FULL: async (t) => (await startNode(t, { diskFreeBytesMin: Number.MAX_SAFE_INTEGER })).post('/changes', {}),
  NO_LEADER: async (t) => (await startNode(t, { join: '127.0.0.1:1' })).post('/changes', {}),
  REVISION_TIMEOUT: async (t) => (await startNode(t, { leaderWaitSeconds: 1 })).get('/changes', { 'changewell-min-revision': '1' }),
  async OVERLOADED (t) {
    const client = await startNode(t, { eventLoopDelayMsMax: 1 })
    await until(async () => {
      const begun = performance.now()
      while (performance.now() - begun < 50);
      return (await client.get('/changes')).status === 503
    }, 'the node to notice that it lags')
    t.equal((await client.get('/livez')).status, 200, 'it is not told dead for that')
    return client.get('/changes')
  },
  async DRAINING (t) {
    const client = await startNode(t)
    await client.put('/health', { up: false })
    return client.get('/readyz')
  },
  NOT_READY: async (t) => (await startNode(t, { diskFreeBytesMin: Number.MAX_SAFE_INTEGER })).get('/readyz'),
  STORAGE_FAILED: failStorage,
  async INTERNAL (t) {
    const client = await startNode(t)
    // Whatever a route can foresee has a code of its own; this one stands for what none does.
    client.app.get('/broken', { config: { role: 'open' } }, (_request, reply: FastifyReply) => { reply.send((undefined as unknown as string).length) })
    return client.get('/broken')
  },
}

/** What the node answers to bytes that never become a request. It waits one second for whole requests. */
async function raw (t: Test, bytes: string): Promise<Refusal> {
  const { url } = await listeningNode(t, { requestTimeoutSeconds: 1 })
  const answer = await sendRaw(url, bytes)
  const seen = { ...answer!, body: JSON.parse(answer!.text) }
  checkManners(seen, 'GET')
  return seen
}

/** A node whose log fails at its next write: it lies beyond the size that the node's files may have from then on. */
async function failLog (t: Test): Promise<Refusal> {
  const { node, send } = await limitedNode(t)
  await send(30_000)
  t.equal((await fetch(`${node.url}/snapshot`).then((response) => response.text())).includes('"revision":1'), true)
  limitFiles(node, 20_000)
  return await send(1)
}

/** A node whose files can grow no more: what RocksDB can no longer take is in the log, and later writes are refused. */
async function failStorage (t: Test): Promise<Refusal> {
  const { node, send } = await limitedNode(t)
  limitFiles(node, 1_000_000)
  for (let tries = 0; (await send(300_000)).status === 201 && tries < 10; tries++);
  const failed = await send(300_000)
  t.equal((await fetch(`${node.url}/readyz`)).status, 503, 'it is ready no more')
  t.equal((await fetch(`${node.url}/changes?limit=1`)).status, 200, 'and still serves what it has in memory')
  const read: Refusal['body'] = await fetch(`${node.url}/snapshot`).then((response) => response.json())
  t.equal(read.code, 'STORAGE_FAILED', 'and does not read what lacks acknowledged writes')
  return failed
}

async function limitedNode (t: Test): Promise<{ node: RunningNode, send: (bytes: number) => Promise<Refusal> }> {
  // Without this the system ends a process that goes over its limit; with it the write fails.
  const nodeArgs = ['--import', 'data:text/javascript,process.on("SIGXFSZ", () => {})']
  const node = await startProcess(t, { CHANGEWELL_LOG_SEGMENT_BYTES: '65536' }, { nodeArgs })
  const headers = { 'content-type': 'application/json' }
  const send = async (bytes: number): Promise<Refusal> => {
    const body = JSON.stringify({ data: 'x'.repeat(bytes) })
    const response = await fetch(`${node.url}/changes`, { method: 'POST', headers, body })
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.json() }
  }
  return { node, send }
}

function limitFiles (node: RunningNode, bytes: number): void {
  execFileSync('prlimit', ['--pid', String(node.child.pid), `--fsize=${bytes}`])
}

for (const [code, { status, example }] of Object.entries(errors)) {
  test(`${code} is answered with ${status}, a detail that says what to do, and its facts`, async (t) => {
    const answer = await ways[code as ProblemCode](t)
    t.equal(answer.body.code, code)
    t.equal(answer.status, status)
    checkProblem(answer.status, answer.headers, answer.body)
    t.notMatch(answer.body.detail, /undefined|NaN|\[object/)
    for (const [member, value] of Object.entries(example)) t.type(answer.body[member], typeof value, member)
  })
}

/** As another node would, on the listener for other nodes. */
async function askToJoin (app: FastifyInstance, what: object): Promise<Refusal> {
  const address = await app.raft.listen('127.0.0.1', 0)
  const request = { id: 'fedcba9876543210', role: 'voter', peerAddress: 'a:1', apiAddress: 'a:2', isEmpty: true }
  const response = await fetch(`http://${address}/join`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...request, ...what }),
  })
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.json() }
}
