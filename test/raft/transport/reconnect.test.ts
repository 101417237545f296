import t from 'tap'
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { Backoff } from '../../../plugins/raft/transport/backoff.ts'
import { a, b, commits, heartbeat, meet, startNode, until, type Addresses } from './node.ts'

t.test('a peer that was started again at its address is reached again', async (t) => {
  const addresses: Addresses = new Map()
  const one = await startNode(t, a, addresses)
  const two = await startNode(t, b, addresses)
  await meet([one, two])
  const { port } = two
  await two.close()
  await until(() => one.unreachable.length === 1, 'the loss')
  t.notOk(one.peer(b).connected)
  t.equal(one.peer(b).since, null)
  for (let at = 0; at < 5; at++) one.transport.send(heartbeat(a, b, at))
  t.equal(one.peer(b).messagesDropped, 5)
  t.strictSame(one.unreachable, [b], 'told once')
  const again = await startNode(t, b, addresses, {}, port)
  again.transport.setPeers([a])
  await until(() => one.peer(b).connected && again.peer(a).connected, 'connections')
  one.transport.send(heartbeat(a, b, 9))
  again.transport.send(heartbeat(b, a, 8))
  await until(() => again.messages.length === 1 && one.messages.length === 1, 'the messages')
  t.strictSame(commits(again.messages), [9])
  await again.close()
  await until(() => one.unreachable.length === 2, 'the next loss is told too')
})

t.test('a peer that was started again elsewhere is reached as soon as it says where', async (t) => {
  const addresses: Addresses = new Map()
  // Whoever waited for the next attempt would wait for the whole test.
  const one = await startNode(t, a, addresses, { backoffMinMs: 600_000, backoffMaxMs: 600_000 })
  const two = await startNode(t, b, addresses)
  await meet([one, two])
  await two.close()
  await until(() => one.unreachable.length === 1, 'the loss')
  const elsewhere = await startNode(t, b, addresses)
  elsewhere.transport.setPeers([a])
  await until(() => one.peer(b).connected, 'the connection')
  t.equal(one.peer(b).address, elsewhere.address)
})

t.test('another address is dialled at once when the members are told anew', async (t) => {
  const addresses: Addresses = new Map([[b, '127.0.0.1:1']])
  const one = await startNode(t, a, addresses, { backoffMinMs: 600_000, backoffMaxMs: 600_000 })
  one.transport.setPeers([b])
  await until(() => one.logged('cannot be reached').length === 1, 'the first attempt')
  await startNode(t, b, addresses)
  one.transport.setPeers([b])
  await until(() => one.peer(b).connected, 'the connection')
  // Also when there is a connection to the old one.
  const elsewhere = await startNode(t, b, addresses)
  one.transport.setPeers([b])
  await until(() => one.peer(b).connected && one.connected.length === 2, 'the connection')
  one.transport.send(heartbeat(a, b, 1))
  await until(() => elsewhere.messages.length === 1, 'the message')
  t.strictSame(one.unreachable, [b], 'what was sent meanwhile was lost')
})

t.test('a node that learns its own address after it has dialled tells it at once', async (t) => {
  const addresses: Addresses = new Map()
  let own: string | null = null
  const one = await startNode(t, a, addresses)
  const late = await startNode(t, b, addresses, { advertised: () => own, backoffMinMs: 600_000, backoffMaxMs: 600_000 })
  late.transport.setPeers([a])
  await until(() => late.peer(a).connected, 'the connection')
  t.strictSame(one.said, [])
  own = late.address
  late.transport.setPeers([a])
  await until(() => one.said.length === 1, 'its address')
  t.strictSame(one.said, [{ id: b, address: own }])
  await until(() => late.peer(a).connected, 'the connection again')
})

t.test('an address that is unknown, or is none, is asked for again and again', async (t) => {
  const addresses: Addresses = new Map()
  const one = await startNode(t, a, addresses)
  for (const address of [undefined, 'nonsense', '127.0.0.1:99999']) {
    if (address === undefined) addresses.delete(b)
    else addresses.set(b, address)
    one.transport.setPeers([b])
    one.transport.send(heartbeat(a, b, 1))
  }
  await startNode(t, b, addresses)
  await until(() => one.peer(b).connected, 'the connection')
  t.strictSame(one.unreachable, [b])
})

t.test('the newest connection of a peer replaces the older one', async (t) => {
  const addresses: Addresses = new Map()
  const one = await startNode(t, a, addresses)
  // It does not dial again, which would replace the second one: not soon, nor because it seems to be elsewhere.
  const first = await startNode(t, b, new Map(addresses), { backoffMinMs: 600_000, backoffMaxMs: 600_000 })
  first.transport.setPeers([a])
  await until(() => first.peer(a).connected, 'the first connection')
  // The same node once more, as after a crash that the first connection did not show.
  const second = await startNode(t, b, addresses)
  second.transport.setPeers([a])
  await until(() => second.peer(a).connected && first.unreachable.length === 1, 'the second connection')
  first.transport.setPeers([])
  await until(() => second.peer(a).connected, 'the second connection')
  t.ok(one.logged('connection of a peer has ended').some(({ msg }) => msg.includes('replaced by a newer one')))
  second.transport.send(heartbeat(b, a, 5))
  await until(() => one.messages.length === 1, 'the message')
  t.strictSame(commits(one.messages), [5])
})

t.test('a partition that nobody is told of is noticed, and its end too', async (t) => {
  const addresses: Addresses = new Map()
  const sockets = new Set<Socket>()
  let target = 0
  let isCut = false
  // Takes all, and passes it on unless the way is cut.
  const way = createServer((from) => {
    const to = connect(target, '127.0.0.1')
    for (const [here, there] of [[from, to], [to, from]] as const) {
      sockets.add(here)
      here.on('data', (chunk: Buffer) => { if (!isCut) there.write(chunk) })
      here.on('error', () => {}).on('close', () => there.destroy())
    }
  })
  await new Promise<void>((resolve) => { way.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    way.close()
  })
  const two = await startNode(t, b, addresses, { idleMs: 60 })
  target = two.port
  addresses.set(b, `127.0.0.1:${(way.address() as AddressInfo).port}`)
  const one = await startNode(t, a, addresses, { idleMs: 60, dialTimeoutMs: 50 })
  one.transport.setPeers([b])
  await until(() => one.peer(b).connected, 'the connection')
  isCut = true
  await until(() => one.unreachable.length === 1, 'the loss')
  // Whoever notices first closes, and through this way the other hears of that.
  t.ok([...one.lines, ...two.lines].some(({ msg }) => msg.includes('no sign of life')))
  await until(() => one.logged('cannot be reached').length > 0, 'an attempt that nobody answers')
  isCut = false
  await until(() => one.peer(b).connected, 'the connection')
  one.transport.send(heartbeat(a, b, 3))
  await until(() => two.messages.length === 1, 'the message')
})

t.test('pauses between attempts grow up to a limit, and begin anew', async (t) => {
  const backoff = new Backoff(50, 2000)
  for (let round = 0; round < 2; round++) {
    for (const pause of [50, 100, 200, 400, 800, 1600, 2000, 2000, 2000]) {
      const next = backoff.next()
      t.ok(next >= pause / 2 && next <= pause, `${next} is about ${pause}`)
    }
    backoff.reset()
  }
})
