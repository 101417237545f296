import t, { type Test } from 'tap'
import { a, b, startNode, until, type Addresses, type TestNode } from './node.ts'

/** Which process answers at an address, as a call of it would tell. */
type Answering = Map<string, string>

/** Two nodes that are connected both ways, and what answers where. */
async function pair (t: Test): Promise<{ one: TestNode, two: TestNode, addresses: Addresses, answering: Answering }> {
  const addresses: Addresses = new Map()
  const answering: Answering = new Map()
  const instanceAt = async (_id: string, address: string): Promise<string | null> => answering.get(address) ?? null
  const one = await startNode(t, a, addresses, { instanceAt })
  const two = await startNode(t, b, addresses, { instance: 'first' })
  answering.set(two.address, 'first')
  one.transport.setPeers([b])
  two.transport.setPeers([a])
  await until(() => one.peer(b).connected && two.peer(a).connected, 'connections')
  return { one, two, addresses, answering }
}

t.test('another process with the id of a node that still runs is refused, and both sides say so once', async (t) => {
  const { one, two, answering } = await pair(t)
  const twin = await startNode(t, b, new Map([[a, one.address]]), { instance: 'second' })
  answering.set(twin.address, 'second')
  twin.transport.setPeers([a])
  await until(() => twin.refusals.length > 0, 'the refusal')
  t.match(twin.refusals, [{ id: a, refusal: { code: 'twin', reason: new RegExp(`already runs at ${two.address}, .* empty data folder`) } }])
  t.match(one.logged('refused a node'), [{ peer: b, code: 'twin' }])
  t.equal(one.said.some(({ address }) => address === twin.address), false, 'its address is not believed')
  t.ok(one.peer(b).connected && two.peer(a).connected, 'the connections stay')
})

t.test('a node that was started again is let in, though the connection of the process before is not closed yet', async (t) => {
  const { one, two, addresses, answering } = await pair(t)
  answering.delete(two.address)
  const again = await startNode(t, b, addresses, { instance: 'second' })
  answering.set(again.address, 'second')
  again.transport.setPeers([a])
  await until(() => again.peer(a).connected, 'the connection')
  t.strictSame(again.refusals, [])
  await until(() => two.refusals.length > 0, 'the process before to be refused when it tries again')
  t.match(two.refusals[0], { refusal: { code: 'twin', reason: new RegExp(`already runs at ${again.address}`) } })
  await until(() => one.peer(b).connected, 'the connection the other way')
})

t.test('while a process that is connected does not say whether it still runs, another one has to wait', async (t) => {
  const { one, two, addresses, answering } = await pair(t)
  answering.set(two.address, 'silent')
  const again = await startNode(t, b, addresses, { instance: 'second' })
  again.transport.setPeers([a])
  await until(() => again.refusals.length > 0, 'the refusal')
  t.match(again.refusals[0], { refusal: { code: 'not-ready', reason: /another process with its id is connected/ } })
  t.ok(two.peer(a).connected)
  await two.transport.close()
  await until(() => again.peer(a).connected, 'it to be let in once the other is gone')
  t.ok(one)
})

t.test('a process that tells another address than before stays the same one', async (t) => {
  const { one, two, addresses } = await pair(t)
  addresses.set(b, '127.0.0.1:1')
  two.transport.setPeers([a])
  await until(() => one.said.some(({ address }) => address === '127.0.0.1:1'), 'the other address')
  t.strictSame(two.refusals, [])
})
