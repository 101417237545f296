import t from 'tap'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'
import { welcome } from '../../../plugins/raft/transport/handshake.ts'
import { a, b, append, failure, RawPeer, startNode, until, type Addresses, type TestNode } from './node.ts'

/** A peer that shakes hands, and reads only when it is told to. */
async function slowPeer (t: Test): Promise<{ address: string, socket: () => Socket | undefined }> {
  let current: Socket | undefined
  const server = createServer((socket) => {
    current = socket
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.pause()
      socket.write(welcome(b, 1))
    })
    t.teardown(() => socket.destroy())
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => server.close())
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, socket: () => current }
}

const bufferBytesMax = 100_000
const messageBytes = 10_000

async function connected (t: Test): Promise<{ one: TestNode, socket: () => Socket | undefined }> {
  const addresses: Addresses = new Map()
  const peer = await slowPeer(t)
  addresses.set(b, peer.address)
  const one = await startNode(t, a, addresses, { bufferBytesMax, idleMs: 600_000 })
  one.transport.setPeers([b])
  await until(() => one.peer(b).connected, 'the connection')
  return { one, socket: peer.socket }
}

/** Sends until messages are dropped, and returns how many were not. The operating system takes some megabytes. */
async function fill (one: TestNode): Promise<number> {
  const before = one.peer(b).messagesDropped
  for (let sent = 0; ; sent++) {
    one.transport.send(append(a, b, messageBytes))
    if (one.peer(b).messagesDropped > before) return sent
    if (sent % 5 === 0) await new Promise(setImmediate)
  }
}

t.test('messages to a peer that does not read are dropped, and that is told once', async (t) => {
  const { one } = await connected(t)
  const sent = await fill(one)
  const taken = one.peer(b).bytesSent
  for (let more = 0; more < 1000; more++) one.transport.send(append(a, b, messageBytes))
  await new Promise(setImmediate)
  t.equal(one.peer(b).messagesDropped, 1001)
  t.strictSame(one.unreachable, [b])
  t.ok(sent * messageBytes - taken <= bufferBytesMax + messageBytes, 'what waits here is bounded')
  t.ok(one.peer(b).connected)
  t.match(await failure(one.transport.request(b, 1, Buffer.alloc(1), 1000)), { sent: false })
})

t.test('a peer that reads again gets messages again, and its next loss is told too', async (t) => {
  const { one, socket } = await connected(t)
  await fill(one)
  socket()!.resume()
  await until(() => {
    const { messagesDropped } = one.peer(b)
    one.transport.send(append(a, b, 1))
    return one.peer(b).messagesDropped === messagesDropped
  }, 'a message that is not dropped')
  t.strictSame(one.unreachable, [b])
  socket()!.pause()
  await fill(one)
  t.strictSame(one.unreachable, [b, b])
})

t.test('one message may be longer than the buffer, but not than a frame', async (t) => {
  const addresses: Addresses = new Map()
  const two = await startNode(t, b, addresses)
  const one = await startNode(t, a, addresses, { bufferBytesMax: 1000, frameBytesMax: 300_000 })
  one.transport.setPeers([b])
  await until(() => one.peer(b).connected, 'the connection')
  one.transport.send(append(a, b, 200_000))
  await until(() => two.messages.length === 1, 'the message')
  one.transport.send(append(a, b, 300_000))
  t.equal(one.peer(b).messagesDropped, 1)
  t.equal(one.logged('longer than a frame may be').length, 1)
  const error = await failure(one.transport.request(b, 1, Buffer.alloc(300_000), 1000))
  t.match(error, { sent: false, message: /longer than a frame/ })
})

t.test('a peer that asks and does not take the answers is cut off', async (t) => {
  const addresses: Addresses = new Map()
  const one = await startNode(t, a, addresses, { bufferBytesMax })
  one.onRequest = async () => Buffer.alloc(1_000_000)
  const raw = new RawPeer(t, one.port)
  raw.shakeHands({})
  await raw.welcome()
  raw.socket.pause()
  const question = Buffer.from([0, 0, 0, 6, 2, 0, 0, 0, 1, 1])
  const isCut = (): boolean => one.logged('does not take the answers').length === 1
  await until(() => {
    if (!isCut()) raw.socket.write(question)
    return isCut()
  }, 'the end')
  t.pass('and the memory that its answers took is free')
})
