import t from 'tap'
import { a, b, c, append, commits, failure, heartbeat, meet, nodes, until, type TestNode } from './node.ts'

type Pair = [TestNode, TestNode]

t.test('two nodes exchange messages, each way in order', async (t) => {
  const all = await nodes(t, [a, b])
  const [one, two] = all as Pair
  await meet(all)
  const count = 3000
  for (let at = 0; at < count; at++) {
    one.transport.send(heartbeat(a, b, at))
    two.transport.send(heartbeat(b, a, at))
    if (at % 100 === 0) await new Promise(setImmediate)
  }
  await until(() => all.every(({ messages }) => messages.length === count), 'the messages')
  const order = Array.from({ length: count }, (_, at) => at)
  for (const { messages } of all) t.strictSame(commits(messages), order)
  t.strictSame(one.unreachable, [])
})

t.test('three nodes reach each other, and each message only whom it is for', async (t) => {
  const all = await nodes(t, [a, b, c])
  await meet(all)
  for (const from of all) {
    for (const to of all) if (to !== from) from.transport.send(heartbeat(from.id, to.id, 7))
  }
  await until(() => all.every(({ messages }) => messages.length === 2), 'the messages')
  for (const { id, messages } of all) {
    t.ok(messages.every((message) => message.to === id))
    t.strictSame(messages.map(({ from }) => from).sort(), all.map((node) => node.id).filter((other) => other !== id))
  }
})

t.test('messages of all sizes arrive whole, between requests', async (t) => {
  const all = await nodes(t, [a, b], { bufferBytesMax: 64 * 1024 * 1024 })
  await meet(all)
  const [one, two] = all as Pair
  const sizes = [0, 1, 300, 65_500, 65_536, 1_000_000, 5, 20_000, 20_000, 20_000, 20_000, 3_000_000, 0]
  const answers = sizes.map((bytes, at) => {
    one.transport.send(append(a, b, bytes))
    return one.transport.request(b, at, Buffer.alloc(bytes, at), 60_000)
  })
  for (const [at, answer] of (await Promise.all(answers)).entries()) {
    t.ok(answer.equals(Buffer.alloc(sizes[at]!, at)), `${sizes[at]} bytes there and back`)
  }
  t.strictSame(two.messages, sizes.map((bytes) => append(a, b, bytes)))
})

t.test('a peer says where it listens, and shows how it is', async (t) => {
  const all = await nodes(t, [a, b])
  const [one, two] = all as Pair
  await meet(all)
  t.strictSame(one.said[0], { id: b, address: two.address })
  one.transport.send(append(a, b, 1000))
  await until(() => two.messages.length === 1 && one.peer(b).bytesSent > 1000, 'the message')
  t.match(one.peer(b), {
    id: b, address: two.address, connected: true, since: Number, lastSeen: Number, messagesDropped: 0, refusal: null,
  })
  t.ok(two.peer(a).bytesReceived > 1000)
})

t.test('nothing is dialled or accepted before a node belongs to a cluster', async (t) => {
  const all = await nodes(t, [a, b])
  const [one, two] = all as Pair
  two.clusterId = null
  for (const node of all) node.transport.setPeers([a, b])
  await until(() => one.refusals.length === 1, 'a refusal')
  t.match(one.refusals[0], { id: b, refusal: { code: 'not-ready', reason: /belongs to no cluster/ } })
  t.strictSame(one.said, [], 'the other did not dial')
  two.clusterId = 'c1'
  await until(() => one.peer(b).connected && two.peer(a).connected, 'connections')
  t.equal(one.peer(b).refusal, null)
})

t.test('a peer that is dropped gets nothing more and may come back', async (t) => {
  const all = await nodes(t, [a, b])
  const [one, two] = all as Pair
  await meet(all)
  one.transport.setPeers([])
  t.strictSame(one.transport.peers(), [])
  one.transport.send(heartbeat(a, b, 1))
  t.match(await failure(one.transport.request(b, 1, Buffer.alloc(0), 1000)), { sent: false })
  t.strictSame(one.unreachable, [], 'nobody asked for it any more')
  one.transport.setPeers([b])
  await until(() => one.peer(b).connected, 'the connection')
  one.transport.send(heartbeat(a, b, 2))
  await until(() => two.messages.length === 1, 'the message')
  t.strictSame(commits(two.messages), [2])
})

t.test('a node that was dialled is alive to its peer though there is nothing to say', async (t) => {
  const all = await nodes(t, [a, b], { idleMs: 60 })
  const [one, two] = all as Pair
  await meet(all)
  const before = one.peer(b).bytesReceived
  await until(() => one.peer(b).bytesReceived > before + 50 && two.peer(a).bytesReceived > 50, 'pings and pongs')
  t.ok(one.peer(b).lastSeen !== null)
})
