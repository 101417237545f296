import t from 'tap'
import { get } from 'node:http'
import { once } from 'node:events'
import type { Test } from 'tap'
import { encodeMessage } from '../../../plugins/raft/transport/codec.ts'
import { frameHeadBytes, frameKinds, writeFrameHead } from '../../../plugins/raft/transport/frames.ts'
import type { TransportOptions } from '../../../plugins/raft/transport/index.ts'
import { a, b, c, commits, heartbeat, meet, nodes, RawPeer, until, type TestNode } from './node.ts'

/** Two nodes that talk; `undisturbed` sends one more message and waits for it. */
async function talking (t: Test, options: Partial<TransportOptions> = {}): Promise<{
  one: TestNode, undisturbed: () => Promise<void>
}> {
  const [one, two] = await nodes(t, [a, c], options) as [TestNode, TestNode]
  await meet([one, two])
  let sent = 0
  const undisturbed = async (): Promise<void> => {
    two.transport.send(heartbeat(c, a, ++sent))
    await until(() => commits(one.messages).includes(sent), 'the message of a peer')
    t.strictSame(two.unreachable, [])
  }
  return { one, undisturbed }
}

t.test('bytes that are no HTTP are cut off, and that is logged once', async (t) => {
  const { one, undisturbed } = await talking(t)
  for (let times = 0; times < 3; times++) {
    const raw = new RawPeer(t, one.port)
    raw.socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0, 0, 0xff]))
    await until(() => raw.closed, 'the end')
  }
  t.equal(one.logged('it does not speak HTTP').length, 1)
  await undisturbed()
})

t.test('an upgrade that is not ours is refused', async (t) => {
  const { one, undisturbed } = await talking(t)
  for (const more of [{ upgrade: 'websocket' }, { 'changewell-node': 'nobody' }]) {
    const raw = new RawPeer(t, one.port)
    raw.shakeHands({}, more)
    await until(() => raw.closed, 'the end')
    t.match(raw.text, /^HTTP\/1.1 400 /)
  }
  t.equal(one.logged('it asks for an upgrade that no node asks for').length, 1)
  await undisturbed()
})

t.test('who says nothing, or only half, is cut off in time', async (t) => {
  const { one, undisturbed } = await talking(t, { handshakeTimeoutMs: 50 })
  const silent = new RawPeer(t, one.port)
  const half = new RawPeer(t, one.port)
  half.socket.write('GET /raft HTTP/1.1\r\nupgrade: changew')
  await until(() => silent.closed && half.closed, 'the end of both')
  t.equal(one.logged('did not say within 50 ms who it is').length, 1)
  await undisturbed()
})

t.test('many half-open handshakes are bounded, and peers get through', async (t) => {
  const { one, undisturbed } = await talking(t, { handshakeTimeoutMs: 600_000, handshakesMax: 20 })
  const many = Array.from({ length: 300 }, () => new RawPeer(t, one.port))
  await until(() => many.filter(({ closed }) => closed).length >= 280, 'all but the newest to be cut off')
  await new Promise(setImmediate)
  t.equal(many.filter(({ closed }) => !closed).length, 20)
  const late = new RawPeer(t, one.port)
  late.shakeHands({})
  await late.welcome()
  await undisturbed()
})

t.test('ordinary requests to the same server are let through', async (t) => {
  const { one, undisturbed } = await talking(t)
  const [response] = await once(get({ host: '127.0.0.1', port: one.port, path: '/' }), 'response')
  t.equal(response.statusCode, 200)
  response.resume()
  await undisturbed()
})

t.test('who does not close after a refusal is cut off', async (t) => {
  const { one } = await talking(t)
  let isOver = false
  one.server.once('connection', (socket) => { socket.once('close', () => { isOver = true }) })
  const raw = new RawPeer(t, one.port)
  raw.socket.allowHalfOpen = true
  raw.shakeHands({ clusterId: 'c9' })
  await until(() => raw.text.includes('wrong-cluster'), 'the refusal')
  raw.socket.write('more')
  await until(() => isOver, 'the end')
  t.equal(one.logged('refused a node').length, 1)
})

t.test('frames that no node would send end the connection', async (t) => {
  const { one, undisturbed } = await talking(t, { frameBytesMax: 10_000 })
  const huge = Buffer.alloc(5)
  huge.writeUInt32BE(10_001)
  const ofAnother = encodeMessage(heartbeat(c, a, 99))
  const toAnother = encodeMessage(heartbeat(b, c, 99))
  for (const [what, bytes] of [
    ['a huge frame', huge],
    ['an empty frame', Buffer.alloc(5)],
    ['a message of no type', frame(frameKinds.message, Buffer.alloc(40, 200))],
    ['a message without bytes', frame(frameKinds.message, Buffer.alloc(0))],
    ['a message of another node', frame(frameKinds.message, ofAnother)],
    ['a message to another node', frame(frameKinds.message, toAnother)],
    ['a request without a number', frame(frameKinds.request, Buffer.alloc(3))],
  ] as const) {
    const before = one.logged('a peer sent what cannot be understood').length
    const raw = new RawPeer(t, one.port)
    raw.shakeHands({})
    await raw.welcome()
    raw.socket.write(bytes)
    await until(() => raw.closed, what)
    t.equal(one.logged('a peer sent what cannot be understood').length, before + 1, what)
  }
  t.notOk(commits(one.messages).includes(99))
  await undisturbed()
})

t.test('frames of an unknown kind, and answers that nobody waits for, are passed over', async (t) => {
  const { one } = await talking(t)
  const raw = new RawPeer(t, one.port)
  raw.shakeHands({})
  await raw.welcome()
  raw.socket.write(frame(99, Buffer.from('later releases may')))
  raw.socket.write(frame(frameKinds.response, Buffer.alloc(9)))
  raw.socket.write(frame(frameKinds.pong, Buffer.alloc(0)))
  raw.socket.write(frame(frameKinds.message, encodeMessage(heartbeat(b, a, 1))))
  await until(() => one.messages.length === 1, 'the message')
  t.notOk(raw.closed)
})

t.test('what is passed on for another node is taken', async (t) => {
  const { one } = await talking(t)
  const raw = new RawPeer(t, one.port)
  raw.shakeHands({})
  await raw.welcome()
  raw.socket.write(frame(frameKinds.message, encodeMessage({ type: 'transfer-leader', from: c, to: a, term: 0 })))
  await until(() => one.messages.length === 1, 'the message')
  t.match(one.messages[0], { from: c })
})

t.test('a message that the node cannot handle ends the connection, and nothing else', async (t) => {
  const { one, undisturbed } = await talking(t)
  one.onMessage = ({ from }) => { if (from === b) throw new Error('a mistake') }
  const raw = new RawPeer(t, one.port)
  raw.shakeHands({})
  await raw.welcome()
  raw.socket.write(frame(frameKinds.message, encodeMessage(heartbeat(b, a, 77))))
  await until(() => raw.closed, 'the end')
  t.match(one.logged('a message of a peer could not be handled')[0], { level: 50, peer: b, err: { message: 'a mistake' } })
  await undisturbed()
})

t.test('a frame may come together with the handshake', async (t) => {
  const { one } = await talking(t)
  const raw = new RawPeer(t, one.port)
  raw.socket.cork()
  raw.shakeHands({})
  raw.socket.write(frame(frameKinds.message, encodeMessage(heartbeat(b, a, 6))))
  raw.socket.write(frame(frameKinds.ping, Buffer.alloc(0)))
  raw.socket.uncork()
  await until(() => commits(one.messages).includes(6), 'the message')
  await until(() => raw.text.endsWith('\x00\x00\x00\x01\x06'), 'the pong')
  t.notOk(raw.closed)
})

function frame (kind: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(frameHeadBytes + payload.length)
  writeFrameHead(bytes, 0, kind, payload.length)
  payload.copy(bytes, frameHeadBytes)
  return bytes
}
