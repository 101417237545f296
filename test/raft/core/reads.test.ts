import t from 'tap'
import { emptyConfiguration } from '../../../plugins/raft/core/index.ts'
import { Cluster } from './cluster.ts'

const three = { ...emptyConfiguration, voters: ['1', '2', '3'] }

/** Node 1 won, and its no-op waits: what it knows to be committed is what it knew before. */
function newLeader (): Cluster {
  const cluster = new Cluster([])
  for (const id of ['1', '2', '3']) {
    cluster.add(id, { configuration: three, terms: [1, 1], hardState: { commit: id === '1' ? 1 : 2 } })
  }
  cluster.campaign('1')
  for (const type of ['pre-vote', 'vote'] as const) {
    cluster.persist('1')
    cluster.deliver('1', '2', type)
    cluster.persist('2')
    cluster.deliver('2', '1')
  }
  return cluster
}

t.test('Mistake 15: reads: none before an entry of the own term committed', async (t) => {
  const cluster = newLeader()
  t.match(cluster.status('1'), { role: 'leader', commit: 1 }, 'an older leader committed more than this one knows')
  const context = cluster.read('1')!
  cluster.tick('1')
  cluster.drop('1', '2', 'append')
  cluster.deliver('1', '2', 'heartbeat')
  cluster.deliver('2', '1', 'heartbeat-response')
  t.same(cluster.node('1').reads, [], 'a quorum in touch is not enough')
  cluster.settle()
  t.match(cluster.node('1').reads, [{ context, index: 3 }])
})

t.test('Mistake 15: reads: none without a quorum that says, after it was asked for, that this node leads', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.tick('1')
  const context = cluster.read('1')!
  // The answers to the heartbeat of before say nothing of now.
  cluster.node('2').step(cluster.sent('1', '2', 'heartbeat')[0]!)
  t.match(cluster.deliver('2', '1', 'heartbeat-response'), [{ context: null }])
  t.same(cluster.node('1').reads, [])
  cluster.deliver('1', '2', 'heartbeat')
  cluster.deliver('2', '1', 'heartbeat-response')
  t.same(cluster.node('1').reads, [{ context, index: 1 }])
})

t.test('Mistake 15: a read context is never reused', async (t) => {
  // Each life of a node has another incarnation, but those of two nodes may be the same.
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  const contexts = [cluster.read('1'), cluster.read('2'), cluster.read('2'), cluster.read('3')]
  cluster.crash('2')
  cluster.restart('2')
  cluster.pass(1)
  contexts.push(cluster.read('2'))
  t.equal(new Set(contexts).size, contexts.length)
  cluster.settle()
  for (const id of cluster.ids) t.ok(cluster.node(id).reads.length > 0, `node ${id} has its answers`)
})

t.test('Mistake 15: an answer to a read of an earlier life is not one to a read of this', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  const old = cluster.read('2')
  cluster.crash('2')
  cluster.propose('1', 'x')
  cluster.isolate('2')
  cluster.deliver('2', '1', 'read-index')
  cluster.deliver('1', '3')
  cluster.persist('3')
  cluster.deliver('3', '1')
  cluster.restart('2')
  cluster.node('2').step({ type: 'append', from: '1', to: '2', term: 1, index: 1, logTerm: 1, commit: 1, entries: [] })
  const now = cluster.read('2')
  t.not(now, old)
  cluster.deliver('1', '2', 'read-index-response')
  t.match(cluster.node('2').reads, [{ context: old }], 'it is told apart by its context')
})

t.test('Mistake 15: a read that is asked for twice is one', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  const context = cluster.read('2')
  cluster.wire.push(...cluster.sent('2', '1', 'read-index'))
  cluster.settle()
  t.ok(cluster.node('2').reads.length > 0)
  t.same(new Set(cluster.node('2').reads.map((read) => read.context)), new Set([context]))
})

t.test('Mistake 15: the quorum that counts is the current configuration\'s', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  for (const id of ['4', '5']) cluster.add(id, { configuration: three })
  cluster.elect('1')
  cluster.isolate('2', '3')
  const context = cluster.read('1')!
  cluster.settle()
  // A change that began before is applied while the read waits: two of five are no quorum any more.
  cluster.node('1').core.applyConfiguration({ data: change(['4', '5']) })
  cluster.isolate('3', '4', '5')
  cluster.pass(1, ['1'])
  t.same(cluster.node('1').reads, [])
  cluster.isolate('3', '5')
  cluster.pass(1, ['1'])
  t.match(cluster.node('1').reads, [{ context }])
})

t.test('Mistake 15: a read that waits is answered when the configuration makes a quorum of who answered', async (t) => {
  const four = { ...emptyConfiguration, voters: ['1', '2', '3', '4'] }
  const cluster = new Cluster(four.voters)
  cluster.elect('1')
  cluster.node('1').holdsApplies = true
  cluster.change('1', [{ type: 'remove', node: '4' }])
  cluster.settle()
  cluster.isolate('3', '4')
  const context = cluster.read('1')!
  cluster.settle()
  t.same(cluster.node('1').reads, [], 'two of four are none')
  cluster.node('1').holdsApplies = false
  cluster.node('1').apply()
  t.match(cluster.node('1').reads, [{ context }])
})

t.test('Mistake 15: a leader that was replaced answers no reads, and says which it lost', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.isolate('1')
  cluster.forget('2', '3')
  cluster.elect('2')
  cluster.propose('2', 'x')
  cluster.settle()
  const context = cluster.read('1')
  cluster.settle()
  cluster.heal()
  cluster.pass(1, ['1'])
  t.same(cluster.node('1').reads, [])
  t.same(cluster.node('1').lostReads, [context])
})

/** A leader with a lease of all others. Time alone makes none of them campaign in what follows. */
function leased (): Cluster {
  const cluster = new Cluster(['1', '2', '3'], { leaseReads: true, random: (limit) => limit - 1 })
  cluster.pass(10)
  cluster.elect('1')
  cluster.read('1')
  cluster.settle()
  cluster.read('1')
  return cluster
}

t.test('Mistake 15: a read by lease ends with the lease: a new leader may have been elected since', async (t) => {
  const cluster = leased()
  const { reads } = cluster.node('1')
  t.equal(reads.length, 2, 'the second asked nobody')
  cluster.isolate('1')
  // All clocks go alike. Node 2 wins as soon as it may, and writes.
  cluster.pass(10)
  cluster.elect('2')
  cluster.propose('2', 'x')
  cluster.settle()
  t.equal(cluster.status('2').commit, 3)
  t.equal(cluster.status('1').role, 'leader', 'so it still believes')
  cluster.read('1')
  cluster.settle()
  t.equal(reads.length, 2, 'a read of node 1 would not see that')
})

t.test('Mistake 15: a read by lease does not outlive a transfer, which asks nobody\'s lease', async (t) => {
  const cluster = leased()
  const { reads } = cluster.node('1')
  cluster.transfer('1', '2')
  cluster.deliver('1', '2', 'timeout-now')
  cluster.isolate('1')
  cluster.settle()
  cluster.propose('2', 'x')
  cluster.settle()
  t.match(cluster.status('2'), { role: 'leader', commit: 3 })
  cluster.read('1')
  cluster.settle()
  t.equal(reads.length, 2)
})

t.test('Mistake 15: a transfer that was given up may still come about, and there is no lease in that term', async (t) => {
  const cluster = leased()
  const { reads } = cluster.node('1')
  cluster.transfer('1', '2')
  const [late] = cluster.drop('1', '2', 'timeout-now')
  cluster.pass(11)
  cluster.read('1')
  cluster.settle()
  t.equal(reads.length, 3, 'by asking')
  cluster.isolate('1')
  cluster.node('2').step(late!)
  cluster.settle()
  t.equal(cluster.status('2').role, 'leader')
  cluster.read('1')
  cluster.settle()
  t.equal(reads.length, 3)
})

t.test('Mistake 15: a restart does not take back the lease that a node gave', async (t) => {
  const cluster = leased()
  const { reads } = cluster.node('1')
  cluster.isolate('1')
  cluster.crash('2')
  cluster.restart('2')
  cluster.tick('3', 10)
  cluster.campaign('3')
  cluster.settle()
  cluster.read('1')
  t.equal(reads.length, 3, 'node 1 still has it')
  t.not(cluster.status('3').role, 'leader')
})

/** The bytes of a change that makes voters of these, in one step each. */
function change (ids: string[]): Buffer {
  return Buffer.concat([Buffer.from([1]), ...ids.map((id) => Buffer.from([0, id.length, ...Buffer.from(id)]))])
}
