import t from 'tap'
import { decodeCommand, encodeCommand } from '../../storage/command.ts'
import { Database } from '../../storage/database.ts'
import { metaKeys } from '../../storage/keys.ts'
import type { Command, NodeCommand, Outcome } from '../../storage/types.ts'
import { applyAll } from '../support/filled-database.ts'
import { MemoryRows, MemoryStore } from '../support/memory-store.ts'
import { write } from '../support/store/helpers.ts'

/** A database, and what a cluster does to it. */
class House {
  readonly database: Database
  heard = 0

  constructor (database: Database) {
    this.database = database
    database.listenNodes(() => { this.heard++ })
  }

  static async build (rows = new MemoryRows()): Promise<House> {
    return new House(await Database.open(new MemoryStore(rows)))
  }

  async apply (command: Command): Promise<Outcome> {
    const decoded = decodeCommand(encodeCommand(command))
    return (await this.database.apply([{ index: this.database.applied.index + 1, term: 1, command: decoded }]))[0]!
  }

  put (id: string, role: NodeCommand['role'] = 'voter', peerAddress = 'h:1'): Promise<Outcome> {
    return this.apply({ kind: 'node', timestamp: 1000, id, role, peerAddress, apiAddress: 'h:2' })
  }

  remove (id: string): Promise<Outcome> {
    return this.apply({ kind: 'node-remove', timestamp: 1000, id })
  }

  async configure (voters: string[], learners: string[] = []): Promise<void> {
    const configuration = { bytes: Buffer.from(voters.join()), voters, learners }
    await this.database.apply([{ index: this.database.applied.index + 1, term: 1, command: null, configuration }])
  }

  get states (): Record<string, string> {
    return Object.fromEntries([...this.database.nodes].map(([id, { state }]) => [id, state]))
  }
}

const refused = (code: string, id: string): object => ({ ok: false, code, params: { id } })

t.test('Nodes come in as learners, get their vote, and leave', async (t) => {
  const house = await House.build()
  await house.configure(['n1'])
  await house.put('n1')
  await house.put('n2')
  await house.put('n3', 'replica')
  t.same(house.states, { n1: 'voter', n2: 'joining', n3: 'joining' })
  await house.configure(['n1'], ['n2', 'n3'])
  t.same(house.states, { n1: 'voter', n2: 'catching up', n3: 'replica' })
  await house.configure(['n1', 'n2'], ['n3'])
  t.same(house.states, { n1: 'voter', n2: 'voter', n3: 'replica' })
  t.match(await house.remove('n1'), { ok: true })
  t.match(await house.remove('n3'), { ok: true })
  t.same(house.states, { n1: 'leaving', n2: 'voter', n3: 'leaving' })
  await house.configure(['n1', 'n2'])
  t.same(house.states, { n1: 'leaving', n2: 'voter', n3: 'removed' })
  await house.configure(['n2'])
  t.same(house.states, { n1: 'removed', n2: 'voter', n3: 'removed' })
  t.equal(house.database.revision, 0, 'none of it is a change of the feed')
})

t.test('An id that was removed is not used again', async (t) => {
  const house = await House.build()
  await house.configure(['n1'])
  await house.put('n1')
  await house.put('n2')
  t.match(await house.remove('n2'), { ok: true })
  t.same(house.states, { n1: 'voter', n2: 'removed' }, 'one that was not in yet is gone at once')
  const { checksum } = house.database
  t.match(await house.put('n2'), refused('NODE_REMOVED', 'n2'))
  t.match(await house.remove('n2'), { ok: true }, 'to remove it again changes nothing')
  t.equal(house.database.checksum.value, checksum.value)
  t.match(await house.remove('n9'), refused('MEMBER_NOT_FOUND', 'n9'))
})

t.test('One that is removed while it is on its way in must leave again', async (t) => {
  const house = await House.build()
  await house.configure(['n1'])
  await house.put('n1')
  await house.put('n2')
  await house.remove('n2')
  await house.configure(['n1'], ['n2'])
  t.same(house.states, { n1: 'voter', n2: 'leaving' })
  await house.configure(['n1'])
  t.same(house.states, { n1: 'voter', n2: 'removed' })
})

t.test('The last voter can neither go nor give up its vote', async (t) => {
  const house = await House.build()
  await house.configure(['n1', 'n2'], ['n3'])
  for (const id of ['n1', 'n2', 'n3']) await house.put(id)
  t.match(await house.remove('n1'), { ok: true })
  t.match(await house.remove('n2'), refused('LAST_VOTER', 'n2'))
  t.match(await house.put('n2', 'replica'), refused('LAST_VOTER', 'n2'))
  t.match(await house.remove('n1'), { ok: true }, 'asking again is no other question')
  t.match(await house.remove('n3'), { ok: true }, 'a learner may go')
  t.match(await house.put('n1'), refused('NODE_REMOVED', 'n1'), 'who was told to go is not called back')
  t.same(house.states, { n1: 'leaving', n2: 'voter', n3: 'leaving' })

  const other = await House.build()
  await other.configure(['n1', 'n2'])
  for (const id of ['n1', 'n2']) await other.put(id)
  t.match(await other.put('n2', 'replica'), { ok: true })
  t.same(other.states, { n1: 'voter', n2: 'voter' }, 'it votes until the configuration says otherwise')
  t.match(await other.remove('n1'), refused('LAST_VOTER', 'n1'), 'one that gives up its vote does not count')
  await other.configure(['n1'], ['n2'])
  t.same(other.states, { n1: 'voter', n2: 'replica' })
  await other.put('n2', 'voter')
  t.same(other.states, { n1: 'voter', n2: 'catching up' })
})

t.test('A node is changed only by what is new, and listeners hear of that alone', async (t) => {
  const house = await House.build()
  await house.put('n1')
  t.equal(house.heard, 1)
  const before = house.database.nodes.get('n1')!
  await house.apply({
    kind: 'write', timestamp: 2000, compare: [], then: [{ type: 'tenant-create', tenant: 'a' }],
  })
  await house.put('n1')
  t.equal(house.heard, 1)
  t.same(house.database.nodes.get('n1'), before)
  await house.put('n1', 'voter', 'elsewhere:1')
  t.equal(house.heard, 2)
  t.same(house.database.nodes.get('n1'), { ...before, peerAddress: 'elsewhere:1', revision: 1, timestamp: 2000 })
  await house.configure(['n2'])
  t.equal(house.heard, 3, 'a configuration that changes no node is news too')
  await house.remove('n9')
  t.equal(house.heard, 3)
})

t.test('Nodes, configuration, settings and cluster id are there again after a restart', async (t) => {
  const rows = new MemoryRows()
  const house = await House.build(rows)
  await house.apply({ kind: 'bootstrap', timestamp: 1, clusterId: 'first' })
  await house.apply({ kind: 'bootstrap', timestamp: 1, clusterId: 'second' })
  await house.configure(['n2', 'n1'], ['n3'])
  await house.put('n2')
  await house.put('n1', 'replica', '')
  await house.apply({ kind: 'settings', timestamp: 1, settings: { historyChanges: 5, heartbeatMs: 20, electionMs: 200, webhooks: [] } })
  await house.database.stored()
  const { database } = await House.build(rows)
  t.equal(database.clusterId, 'first')
  t.same(database.configuration, { bytes: Buffer.from('n2,n1'), voters: ['n2', 'n1'], learners: ['n3'] })
  t.same([...database.nodes], [...house.database.nodes])
  t.same([...database.nodes.keys()], ['n1', 'n2'])
  t.same(database.settings, { historyChanges: 5, heartbeatMs: 20, electionMs: 200, webhooks: [] })
  t.same(database.checksum, house.database.checksum)
})

t.test('Settings change one by one, whoever else changes others, and never to times that cannot be', async (t) => {
  const house = await House.build(new MemoryRows())
  await house.apply({ kind: 'settings', timestamp: 1, settings: { historyChanges: 5 } })
  await house.apply({ kind: 'settings', timestamp: 1, settings: { heartbeatMs: 400 } })
  const wrong = await house.apply({ kind: 'settings', timestamp: 1, settings: { electionMs: 799 } })
  t.match(wrong, { ok: false, code: 'INVALID_FIELD', params: { field: 'electionMs', reason: /799, with heartbeatMs 400/ } })
  t.match(house.database.settings, { historyChanges: 5, heartbeatMs: 400, electionMs: 1000 })
})

t.test('Settings that an older release stored get the defaults of those it did not know', async (t) => {
  const expected = { historyChanges: 7, heartbeatMs: 100, electionMs: 1000, webhooks: [] }
  const old = { historyChanges: 7 } as typeof expected
  const store = new MemoryStore()
  t.same((await Database.open(store)).settings, { ...expected, historyChanges: null })
  await write(store, (batch) => batch.put('meta', metaKeys.settings, Buffer.from(JSON.stringify(old))))
  t.same((await Database.open(store)).settings, expected)
  const replayed = await Database.open(new MemoryStore())
  await applyAll(replayed, [{ kind: 'settings', timestamp: 1, settings: old }])
  t.same(replayed.settings, expected)
})

t.test('What a command does not say of a node stays as it is, whoever was first', async (t) => {
  const house = await House.build()
  await house.configure(['n1', 'n2'])
  for (const id of ['n1', 'n2']) await house.put(id)
  const moved = { kind: 'node' as const, timestamp: 1000, id: 'n2', role: null, peerAddress: 'h:8', apiAddress: 'h:9' }
  const demoted = { ...moved, role: 'replica' as const, peerAddress: '', apiAddress: '' }
  t.match(await house.apply(demoted), { ok: true })
  t.match(await house.apply(moved), { ok: true })
  t.match(house.database.nodes.get('n2'), { role: 'replica', peerAddress: 'h:8', apiAddress: 'h:9' })
  t.match(await house.apply({ ...demoted, role: 'voter' }), { ok: true })
  t.match(house.database.nodes.get('n2'), { role: 'voter', peerAddress: 'h:8', apiAddress: 'h:9' })
  t.match(await house.apply({ ...moved, id: 'n9' }), refused('MEMBER_NOT_FOUND', 'n9'))
})
