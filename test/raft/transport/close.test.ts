import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { a, b, c, failure, heartbeat, meet, nodes, RawPeer, startNode, until, type Addresses, type TestNode } from './node.ts'

t.test('nothing is left when transport and server are closed', async (t) => {
  const before = handles()
  const all = await nodes(t, [a, b, c])
  await meet(all)
  const [one, two] = all as [TestNode, TestNode, TestNode]
  two.onRequest = () => new Promise(() => {})
  const answer = one.transport.request(b, 1, Buffer.alloc(0), 600_000).then(() => null, (error: unknown) => error)
  for (let at = 0; at < 100; at++) one.transport.send(heartbeat(a, b, at))
  const raw = new RawPeer(t, one.port)
  await until(() => !raw.socket.connecting, 'the stranger')
  await Promise.all(all.map((node) => node.close()))
  t.match(await answer, { sent: true })
  await until(() => raw.closed, 'the end')
  await until(() => isDeepStrictEqual(handles(), before), 'all handles to be gone')
})

t.test('whoever is being dialled or waited for is given up', async (t) => {
  const before = handles()
  const addresses: Addresses = new Map([[c, '127.0.0.1:1']])
  const [one, two] = [await startNode(t, a, addresses), await startNode(t, b, addresses)]
  two.server.prependListener('connection', (socket) => socket.pause())
  one.transport.setPeers([b, c])
  await until(() => one.logged('cannot be reached').length > 0, 'an attempt')
  await Promise.all([one.close(), two.close()])
  await until(() => isDeepStrictEqual(handles(), before), 'all handles to be gone')
  t.strictSame(one.unreachable, [])
})

t.test('after it was closed a transport does nothing', async (t) => {
  const all = await nodes(t, [a, b])
  const [one] = all as [TestNode, TestNode]
  await meet(all)
  await one.close()
  one.transport.setPeers([b])
  one.transport.send(heartbeat(a, b, 1))
  t.match(await failure(one.transport.request(b, 1, Buffer.alloc(0), 1000)), { sent: false })
  t.strictSame(one.transport.peers(), [])
  t.strictSame(one.unreachable, [])
  await one.transport.close()
})

/** What keeps the process alive, beside what the test runner has. */
function handles (): string[] {
  return process.getActiveResourcesInfo().filter((name) => /^(TCP|Timeout|TLS)/.test(name)).sort()
}
