import t from 'tap'
import { commonVersion } from '../../../plugins/raft/transport/handshake.ts'
import { a, b, commits, heartbeat, startNode, until, type Addresses } from './node.ts'

t.test('Nodes of two releases talk in the newest version that both speak', async (t) => {
  const addresses: Addresses = new Map()
  const older = await startNode(t, a, addresses, { versions: { oldest: 1, newest: 2 } })
  const newer = await startNode(t, b, addresses, { versions: { oldest: 2, newest: 4 } })
  older.transport.setPeers([b])
  newer.transport.setPeers([a])
  await until(() => older.peer(b).connected && newer.peer(a).connected, 'both connections')
  for (const node of [older, newer]) t.match(node.logged('connected to a peer')[0], { version: 2 })
  older.transport.send(heartbeat(a, b, 1))
  newer.transport.send(heartbeat(b, a, 2))
  await until(() => older.messages.length === 1 && newer.messages.length === 1, 'the messages')
  t.same([...commits(older.messages), ...commits(newer.messages)], [2, 1])
})

t.test('Nodes that have no version in common refuse each other, and say what each speaks', async (t) => {
  const addresses: Addresses = new Map()
  const older = await startNode(t, a, addresses)
  const newer = await startNode(t, b, addresses, { versions: { oldest: 2, newest: 3 } })
  older.transport.setPeers([b])
  newer.transport.setPeers([a])
  await until(() => older.refusals.length > 0 && newer.refusals.length > 0, 'both refusals')
  t.same(older.refusals[0], { id: b, refusal: { code: 'protocol', reason: `it speaks version 1 of the protocol, and ${b} versions 2 to 3` } })
  t.same(newer.refusals[0], { id: a, refusal: { code: 'protocol', reason: `it speaks versions 2 to 3 of the protocol, and ${a} version 1` } })
  t.notOk(older.peer(b).connected)
})

t.test('The version in common is the newest that is in both ranges', async (t) => {
  t.equal(commonVersion({ oldest: 1, newest: 1 }, { oldest: 1, newest: 1 }), 1)
  t.equal(commonVersion({ oldest: 1, newest: 3 }, { oldest: 2, newest: 5 }), 3)
  t.equal(commonVersion({ oldest: 4, newest: 5 }, { oldest: 2, newest: 4 }), 4)
  t.equal(commonVersion({ oldest: 1, newest: 2 }, { oldest: 3, newest: 4 }), null)
  t.equal(commonVersion({ oldest: 3, newest: 4 }, { oldest: 1, newest: 2 }), null)
})
