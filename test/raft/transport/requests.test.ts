import t from 'tap'
import { a, b, c, failure, meet, nodes, startNode, until, type Addresses, type TestNode } from './node.ts'

t.test('a request is answered by the peer, who knows from whom it is', async (t) => {
  const all = await nodes(t, [a, b])
  const [one, two] = all as [TestNode, TestNode]
  two.onRequest = async (from, method, body) => Buffer.from(`${from} ${method} ${body.toString()}`)
  await meet(all)
  t.equal((await one.transport.request(b, 200, Buffer.from('hello'), 10_000)).toString(), `${a} 200 hello`)
  t.equal((await one.transport.request(b, 0, Buffer.alloc(0), 10_000)).toString(), `${a} 0 `)
})

t.test('answers find their requests in whatever order they come', async (t) => {
  const all = await nodes(t, [a, b])
  const [one, two] = all as [TestNode, TestNode]
  const waiting: (() => void)[] = []
  two.onRequest = async (_from, _method, body) => {
    await new Promise<void>((resolve) => waiting.push(resolve))
    return body
  }
  await meet(all)
  const answers = Array.from({ length: 50 }, (_, at) => one.transport.request(b, 1, Buffer.from([at]), 30_000))
  await until(() => waiting.length === 50, 'the requests')
  for (const resolve of waiting.reverse()) resolve()
  t.strictSame((await Promise.all(answers)).map((answer) => answer[0]), Array.from({ length: 50 }, (_, at) => at))
})

t.test('what the peer throws is a failure with its text', async (t) => {
  const all = await nodes(t, [a, b], { frameBytesMax: 10_000 })
  const [one, two] = all as [TestNode, TestNode]
  await meet(all)
  for (const [thrown, text] of [[new Error('not today: ü'), 'not today: ü'], ['a text', 'a text']] as const) {
    two.onRequest = async () => { throw thrown }
    const error = await failure(one.transport.request(b, 1, Buffer.alloc(0), 10_000))
    t.match(error, { message: text, sent: true })
  }
  two.onRequest = () => { throw new Error('at once') }
  t.match(await failure(one.transport.request(b, 1, Buffer.alloc(0), 10_000)), { message: 'at once', sent: true })
  two.onRequest = async () => Buffer.alloc(10_001)
  const error = await failure(one.transport.request(b, 1, Buffer.alloc(0), 10_000))
  t.match(error, { message: /longer than a frame/, sent: true })
  t.ok(one.peer(b).connected)
})

t.test('a request that was sent may have been done when the connection breaks', async (t) => {
  const all = await nodes(t, [a, b])
  const [one, two] = all as [TestNode, TestNode]
  let asked = 0
  two.onRequest = async () => {
    asked++
    return new Promise(() => {})
  }
  await meet(all)
  const errors = [1, 2, 3].map((method) => failure(one.transport.request(b, method, Buffer.alloc(0), 600_000)))
  await until(() => asked === 3, 'the requests')
  await two.close()
  for (const error of await Promise.all(errors)) t.equal(error.sent, true)
})

t.test('a request that waits too long may have been done; a late answer is passed over', async (t) => {
  const all = await nodes(t, [a, b])
  const [one, two] = all as [TestNode, TestNode]
  let answer = (): void => {}
  two.onRequest = async () => {
    await new Promise<void>((resolve) => { answer = resolve })
    return Buffer.alloc(0)
  }
  await meet(all)
  t.match(await failure(one.transport.request(b, 1, Buffer.alloc(0), 20)), { sent: true, message: /within 20 ms/ })
  answer()
  two.onRequest = async () => Buffer.from('next')
  t.equal((await one.transport.request(b, 1, Buffer.alloc(0), 10_000)).toString(), 'next')
})

t.test('a request that cannot be sent was certainly not done', async (t) => {
  const addresses: Addresses = new Map([[b, '127.0.0.1:1']])
  const one = await startNode(t, a, addresses)
  one.transport.setPeers([b])
  t.match(await failure(one.transport.request(b, 1, Buffer.alloc(0), 10_000)), { sent: false })
  t.match(await failure(one.transport.request(c, 1, Buffer.alloc(0), 10_000)), { sent: false, message: /no peer/ })
})
