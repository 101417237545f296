import t from 'tap'
import fc from 'fast-check'
import { emptyConfiguration, entryTypes } from '../../../plugins/raft/core/index.ts'
import type { Entry } from '../../../plugins/raft/core/index.ts'
import { MemoryLog } from '../support/memory-log.ts'
import { Cluster } from './cluster.ts'
import type { Disk } from './node.ts'

/** What could stand still for ever, and must not. */

const three = { ...emptyConfiguration, voters: ['1', '2', '3'] }

const Warm: new () => Disk = MemoryLog

/** A log of whose entries some are not in memory until they were fetched. */
class ColdLog extends Warm {
  /** Entries up to here are not in memory. */
  coldUpTo = 0
  misses = 0

  override entries (from: number, to: number, bytesMax: number): Entry[] | undefined {
    if (from > this.coldUpTo) return super.entries(from, to, bytesMax)
    this.misses++
    return undefined
  }
}

t.test('Entries that were written in an earlier term are stable once the disk says so in this one', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.propose('1', 'x')
  cluster.deliver('1', '2', 'append')
  const node = cluster.node('2')
  t.equal(node.writes.length, 1)
  // The term changes while the disk writes.
  node.step({ type: 'heartbeat', from: '3', to: '2', term: 2, commit: 0, context: null })
  node.persist()
  node.step({ type: 'append', from: '3', to: '2', term: 2, index: 2, logTerm: 1, commit: 2, entries: [] })
  node.persist()
  t.same(node.texts, ['x'])
})

t.test('Entries that were not in memory are applied once they are fetched', async (t) => {
  const cluster = new Cluster([])
  const disk = new ColdLog()
  disk.coldUpTo = 2
  const node = cluster.add('1', { configuration: three, terms: [1, 1, 1], hardState: { commit: 2 }, disk })
  t.same(node.applied, [])
  t.equal(disk.misses, 1)
  cluster.tick('1')
  t.equal(disk.misses, 1, 'nobody asks again while they are being fetched')
  disk.coldUpTo = 0
  node.run((core) => { core.fetched() })
  t.equal(node.applied.length, 2)
})

t.test('Entries that were not in memory are sent once they are fetched', async (t) => {
  const cluster = new Cluster([])
  const disk = new ColdLog()
  cluster.add('1', { configuration: three, terms: [1, 1, 1], disk })
  cluster.add('2', { configuration: three, terms: [1, 1, 1] })
  cluster.add('3', { configuration: three })
  disk.coldUpTo = 3
  cluster.elect('1')
  cluster.pass(2)
  t.equal(cluster.node('3').disk.lastIndex, 0)
  t.equal(cluster.status('1').commit, 4, 'nobody else waits for them')
  disk.coldUpTo = 0
  cluster.node('1').run((core) => { core.fetched() })
  cluster.settle()
  t.equal(cluster.node('3').disk.lastIndex, 4)
})

t.test('A node that cannot look at what it has not applied campaigns once it can', async (t) => {
  const cluster = new Cluster([], { preVote: false })
  const disk = new ColdLog()
  disk.coldUpTo = 2
  const node = cluster.add('1', { configuration: three, terms: [1, 1], hardState: { commit: 2 }, disk })
  cluster.campaign('1')
  t.match(cluster.status('1'), { role: 'follower', applied: 0 })
  disk.coldUpTo = 0
  node.run((core) => { core.fetched() })
  cluster.campaign('1')
  t.equal(cluster.status('1').role, 'candidate')
})

t.test('A fetch that a snapshot made needless holds nothing up', async (t) => {
  const cluster = new Cluster([])
  const disk = new ColdLog()
  disk.coldUpTo = 2
  const node = cluster.add('2', { configuration: three, terms: [1, 1], hardState: { commit: 2 }, disk })
  node.holdsApplies = true
  node.step({ type: 'snapshot', from: '1', to: '2', term: 2, snapshot: { index: 9, term: 2, configuration: three } })
  // The entries that were asked for are gone, and so nobody says that they were fetched.
  for (const write of node.writes.splice(0)) {
    if (write.snapshot !== null) disk.applySnapshot(write.snapshot)
    if (write.receipt !== null) node.core.persisted(write.receipt)
  }
  const entries = [{ index: 10, term: 2, type: entryTypes.command, data: Buffer.from('x') }]
  node.core.step({ type: 'append', from: '1', to: '2', term: 2, index: 9, logTerm: 2, commit: 10, entries })
  const ready = node.core.ready()
  disk.append(ready.entries)
  node.core.persisted(ready.receipt!)
  t.match(node.core.ready().committed, [{ index: 10 }])
})

t.test('Bytes that wait for a quorum are given back, whatever became of them', async (t) => {
  const cluster = new Cluster(['1', '2', '3'], { uncommittedBytesMax: 100 })
  cluster.elect('1')
  for (let n = 0; n < 10; n++) {
    t.equal(cluster.propose('1', 'x'.repeat(60)).result, 'appended')
    t.match(cluster.propose('1', 'y'.repeat(60)), { result: 'refused', reason: 'too-much-waiting' })
    t.match(cluster.change('1', [{ type: 'remove', node: '1' }, { type: 'remove', node: '2' }, { type: 'remove', node: '3' }]),
      { result: 'appended' }, 'one that is refused leaves an empty entry, which counts for nothing')
    cluster.settle()
  }
  // What a leader lost does not count against it when it leads again.
  cluster.isolate('2', '3')
  t.equal(cluster.propose('1', 'z'.repeat(90)).result, 'appended')
  cluster.settle()
  cluster.heal()
  cluster.forget('2', '3')
  cluster.elect('2')
  cluster.pass(1)
  cluster.transfer('2', '1')
  cluster.settle()
  t.match(cluster.status('1'), { role: 'leader' })
  t.equal(cluster.propose('1', 'a'.repeat(60)).result, 'appended')
  t.equal(cluster.propose('1', 'b'.repeat(30)).result, 'appended')
})

t.test('A window whose appends were all lost opens again', async (t) => {
  const cluster = new Cluster(['1', '2', '3'], { inflightMessagesMax: 2 })
  cluster.elect('1')
  cluster.isolate('3')
  for (const text of ['a', 'b', 'c', 'd']) {
    cluster.propose('1', text)
    cluster.settle()
  }
  t.match(cluster.status('1').members.get('3'), { inflightFull: true })
  cluster.heal()
  cluster.pass(3)
  t.same(cluster.node('3').texts, ['a', 'b', 'c', 'd'])
})

t.test('A member that was reported unreachable is probed, and goes on', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.isolate('3')
  cluster.propose('1', 'a')
  cluster.settle()
  cluster.node('1').run((core) => { core.reportUnreachable('3') })
  t.equal(cluster.status('1').members.get('3')?.state, 'probe')
  cluster.heal()
  cluster.pass(2)
  t.same(cluster.node('3').texts, ['a'])
  t.equal(cluster.status('1').members.get('3')?.state, 'replicate')
})

t.test('A leader that was removed and is added again counts itself again', async (t) => {
  const cluster = new Cluster(['1', '2', '3'], { stepDownOnRemoval: false })
  cluster.elect('1')
  cluster.node('1').run((core) => {
    core.applyConfiguration({ data: Buffer.from([0, 2, 1, '1'.charCodeAt(0)]) })
    core.applyConfiguration({ data: Buffer.from([0, 0, 1, '1'.charCodeAt(0)]) })
  })
  cluster.isolate('3')
  cluster.propose('1', 'x')
  cluster.settle()
  t.same(cluster.node('1').texts, ['x'])
})

t.test('Logs that differ become the leader\'s, however they differ', async () => {
  const ascending = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 8 }).map((list) => list.sort())
  fc.assert(fc.property(ascending, ascending, ascending, (common, leaders, followers) => {
    const newest = common.at(-1) ?? 0
    // After what they have in common no term is in both: a term has one leader, who puts one entry in one place.
    const leader = [...common, ...leaders.map((term) => newest + term * 2)]
    const follower = [...common, ...followers.map((term) => newest + term * 2 + 1)]
    const cluster = new Cluster([], { checkQuorum: false })
    const hardState = { term: 20 }
    cluster.add('1', { configuration: three, terms: leader, hardState })
    cluster.add('2', { configuration: three, terms: follower, hardState })
    cluster.add('3', { configuration: three, terms: leader, hardState })
    cluster.elect('1')
    cluster.pass(1)
    const [first, second] = ['1', '2'].map((id) => cluster.node(id).disk.all.map(({ term }) => term).join())
    if (first !== second) throw new Error(`${first} is not ${second}`)
    const { applied, commit } = cluster.status('2')
    if (applied !== commit || commit !== leader.length + 1) throw new Error(`committed ${commit}, applied ${applied}`)
  }), { numRuns: 200 })
})
