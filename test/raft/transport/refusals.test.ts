import t, { type Test } from 'tap'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { NodeId } from '../../../plugins/raft/core/index.ts'
import {
  helloHeaders, protocolVersions, readHello, type PeerRefusal,
} from '../../../plugins/raft/transport/handshake.ts'
import { a, b, c, commits, heartbeat, RawPeer, startNode, until, type Addresses, type TestNode } from './node.ts'

async function pair (t: Test): Promise<{ one: TestNode, two: TestNode, addresses: Addresses }> {
  const addresses: Addresses = new Map()
  const [one, two] = [await startNode(t, a, addresses), await startNode(t, b, addresses)]
  return { one, two, addresses }
}

/** Dials the peer anew several times, and returns what it said at first. */
async function refused (one: TestNode, peer: NodeId): Promise<PeerRefusal> {
  for (let attempt = 1; attempt <= 5; attempt++) {
    one.transport.setPeers([])
    one.transport.setPeers([peer])
    await until(() => one.refusals.length === attempt, 'the refusal')
  }
  return one.refusals[0]!.refusal
}

t.test('a node of another cluster is refused', async (t) => {
  const { one, two } = await pair(t)
  one.clusterId = 'c2'
  t.match(await refused(one, b), {
    code: 'wrong-cluster', reason: `it belongs to cluster c2, and ${b} to c1`,
  })
  t.equal(two.logged('refused a node').length, 1)
  t.match(two.logged('refused a node')[0], { peer: a, code: 'wrong-cluster', remoteAddress: '127.0.0.1' })
  t.match(one.logged('a peer refuses this node')[0], { peer: b, code: 'wrong-cluster' })
  t.notOk(one.peer(b).connected)
  t.match(one.peer(b).refusal, { code: 'wrong-cluster' })
  t.strictSame(two.said, [], 'what a stranger says of its address is not believed')
})

t.test('a refusal is told once, though it is heard at every attempt', async (t) => {
  const { one, two } = await pair(t)
  one.clusterId = 'c2'
  let attempts = 0
  two.server.on('upgrade', () => attempts++)
  one.transport.setPeers([b])
  await until(() => attempts > 4, 'attempts')
  t.equal(one.refusals.length, 1)
  t.equal(one.logged('a peer refuses this node').length, 1)
  t.equal(two.logged('refused a node').length, 1)
  one.clusterId = 'c3'
  await until(() => one.refusals.length === 2, 'another refusal')
  t.equal(two.logged('refused a node').length, 2)
  one.clusterId = 'c1'
  await until(() => one.peer(b).connected, 'the connection')
  t.equal(one.peer(b).refusal, null)
})

t.test('a node that reaches another than it looks for is refused', async (t) => {
  const { one, two, addresses } = await pair(t)
  addresses.set(c, two.address)
  t.match(await refused(one, c), { code: 'wrong-node', reason: `it looks for ${c} where ${b} is` })
  addresses.set(c, one.address)
  one.transport.setPeers([c])
  await until(() => one.peer(c).refusal?.reason.includes(`where ${a} is`) === true, 'the refusal of the node itself')
})

t.test('a node that was removed is refused, and its connection is cut', async (t) => {
  const { one, two } = await pair(t)
  one.transport.setPeers([b])
  await until(() => one.peer(b).connected, 'the connection')
  two.admit = (id) => id === a ? { code: 'removed', reason: 'it was removed' } : null
  two.transport.setPeers([])
  await until(() => one.refusals.length === 1, 'the refusal')
  t.strictSame(one.refusals[0], { id: b, refusal: { code: 'removed', reason: 'it was removed' } })
  t.notOk(one.peer(b).connected)
  t.strictSame(one.unreachable, [b])
})

t.test('a node that nobody knows is refused until it is known', async (t) => {
  const { one, two } = await pair(t)
  two.admit = () => ({ code: 'unknown-node', reason: 'it is no member' })
  one.transport.setPeers([b])
  await until(() => one.refusals.length === 1, 'the refusal')
  t.match(one.refusals[0], { refusal: { code: 'unknown-node' } })
  two.admit = () => null
  await until(() => one.peer(b).connected, 'the connection')
  one.transport.send(heartbeat(a, b, 4))
  await until(() => two.messages.length === 1, 'the message')
  t.strictSame(commits(two.messages), [4])
})

t.test('each refusal has its status, and a body that says the same', async (t) => {
  const { one } = await pair(t)
  const cases = [
    [{ versions: { oldest: protocolVersions.newest + 1, newest: protocolVersions.newest + 2 } }, 400, 'protocol'],
    [{ to: c }, 421, 'wrong-node'],
    [{ from: a }, 421, 'wrong-node'],
    [{ clusterId: 'c9' }, 409, 'wrong-cluster'],
    [{ from: c }, 410, 'removed'],
    [{ from: 'd'.repeat(16) }, 403, 'unknown-node'],
  ] as const
  one.admit = (id) => {
    if (id === b) return null
    return id === c ? { code: 'removed', reason: 'r' } : { code: 'unknown-node', reason: 'u' }
  }
  for (const [hello, status, code] of cases) {
    const raw = new RawPeer(t, one.port)
    raw.shakeHands(hello)
    await until(() => raw.closed, 'the end')
    t.match(raw.text, new RegExp(`^HTTP/1.1 ${status} `), code)
    t.match(JSON.parse(raw.text.slice(raw.text.indexOf('{'))), { code, reason: String })
  }
  one.clusterId = null
  const raw = new RawPeer(t, one.port)
  raw.shakeHands({})
  await until(() => raw.closed, 'the end')
  t.match(raw.text, /^HTTP\/1.1 503 /)
})

t.test('whatever answers in the place of a node is no peer', async (t) => {
  const addresses: Addresses = new Map()
  const one = await startNode(t, a, addresses)
  const answers = [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: changewell-raft\r\n' +
      `Changewell-Node: ${c}\r\nChangewell-Protocol: 1\r\n\r\n`,
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: changewell-raft\r\n' +
      `Changewell-Node: ${b}\r\nChangewell-Protocol: 999\r\n\r\n`,
    `HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n${'x'.repeat(100_000)}`,
    'HTTP/1.1 409 Conflict\r\nConnection: close\r\n\r\n{"code":"__proto__","reason":"r"}',
  ]
  let answer = ''
  const other = createServer()
  other.on('upgrade', (_request, socket) => {
    socket.on('error', () => {})
    socket.end(answer)
  })
  await new Promise<void>((resolve) => { other.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => other.close())
  addresses.set(b, `127.0.0.1:${(other.address() as AddressInfo).port}`)
  for (const [at, text] of answers.entries()) {
    answer = text
    one.transport.setPeers([])
    one.transport.setPeers([b])
    await until(() => one.refusals.length === at + 1, `the end of ${text.slice(0, 30)}`)
    t.match(one.refusals[at]!.refusal.code, /^(protocol|wrong-node)$/)
  }
  answer = 'no HTTP at all\r\n\r\n'
  one.transport.setPeers([])
  one.transport.setPeers([b])
  await until(() => one.logged('cannot be reached').length > 0, 'the end of what is no HTTP')
  t.strictSame(one.connected, [])
})

t.test('an own address that no header can hold is no reason to fall', async (t) => {
  const addresses: Addresses = new Map()
  const one = await startNode(t, a, addresses, { advertised: () => 'bad\naddress' })
  await startNode(t, b, addresses)
  one.transport.setPeers([b])
  await until(() => one.logged('cannot be reached').length > 1, 'attempts')
  t.notOk(one.peer(b).connected)
})

t.test('a request that only looks like a handshake is none', async (t) => {
  const headers = helloHeaders({ versions: protocolVersions, clusterId: 'c', from: a, instance: 'a1', to: b, address: null })
  t.ok(readHello({ method: 'GET', url: '/raft', headers }))
  for (const [name, value] of [
    ['upgrade', 'websocket'], ['changewell-node', 'x'], ['changewell-node', ''], ['changewell-instance', ''], ['changewell-to', a.toUpperCase()],
    ['changewell-protocol', 'one'], ['changewell-protocol', '1.5'],
    ['changewell-protocol', '2-1'], ['changewell-protocol', '1-'], ['changewell-protocol', '1-2-3'],
  ] as const) {
    t.equal(readHello({ method: 'GET', url: '/raft', headers: { ...headers, [name]: value } }), null, `${name}: ${value}`)
  }
  t.equal(readHello({ method: 'POST', url: '/raft', headers }), null)
  t.equal(readHello({ method: 'GET', url: '/', headers }), null)
})
