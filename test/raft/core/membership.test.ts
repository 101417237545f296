import t from 'tap'
import { emptyConfiguration, entryTypes } from '../../../plugins/raft/core/index.ts'
import { Cluster } from './cluster.ts'
import type { Node } from './node.ts'

const three = { ...emptyConfiguration, voters: ['1', '2', '3'] }

function changesOf (node: Node): number[] {
  return node.disk.all.filter(({ type }) => type === entryTypes.configuration).map(({ index }) => index)
}

t.test('Mistake 9: one configuration change at a time', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.change('1', [{ type: 'remove', node: '2' }])
  cluster.change('1', [{ type: 'remove', node: '3' }])
  cluster.settle()
  t.same(cluster.status('1').configuration.voters, ['1', '3'])
  t.same(changesOf(cluster.node('1')), [2], 'the second became an empty entry')
  cluster.change('1', [{ type: 'remove', node: '3' }])
  cluster.settle()
  t.same(cluster.status('1').configuration.voters, ['1'], 'it is taken once the first is in force')
})

t.test('Mistake 9: a change is pending until it is applied, not only until it is committed', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  const leader = cluster.node('1')
  cluster.elect('1')
  leader.holdsApplies = true
  cluster.change('1', [{ type: 'remove', node: '2' }])
  cluster.settle()
  t.equal(cluster.status('1').commit, 2)
  cluster.change('1', [{ type: 'remove', node: '3' }])
  leader.holdsApplies = false
  leader.apply()
  cluster.settle()
  t.same(cluster.status('1').configuration.voters, ['1', '3'])
})

t.test('Mistake 9: a new leader takes no change before all that it inherited is applied', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  // The change reaches node 2, and is not committed.
  cluster.change('1', [{ type: 'learner', node: '4' }])
  cluster.deliver('1', '2', 'append')
  cluster.persist('2')
  cluster.crash('1')
  cluster.drop('2', '1')
  cluster.forget('2', '3')
  cluster.campaign('2')
  for (const type of ['pre-vote', 'vote'] as const) {
    cluster.persist('2')
    cluster.deliver('2', '3', type)
    cluster.persist('3')
    cluster.deliver('3', '2')
  }
  t.equal(cluster.status('2').role, 'leader')
  cluster.change('2', [{ type: 'remove', node: '1' }])
  cluster.settle()
  t.match(cluster.status('2').configuration, { voters: ['1', '2', '3'], learners: ['4'] })
  t.same(changesOf(cluster.node('2')), [2])
})

t.test('Mistake 9: no change is in force before an entry of the leader\'s own term is committed', async (t) => {
  const cluster = new Cluster([])
  for (const id of ['1', '2', '3']) {
    cluster.add(id, { configuration: three, terms: [1], hardState: { commit: 1 } })
  }
  cluster.isolate('3')
  cluster.elect('1')
  cluster.isolate('2', '3')
  cluster.change('1', [{ type: 'remove', node: '3' }])
  cluster.settle()
  t.match(cluster.status('1'), { commit: 2, configuration: three })
  cluster.isolate('3')
  cluster.pass(1)
  t.match(cluster.status('1'), { commit: 3, configuration: { voters: ['1', '2'] } })
})

t.test('Mistake 9: no campaign of any kind with unapplied configuration entries', async (t) => {
  for (const preVote of [true, false]) {
    const cluster = new Cluster(['1', '2', '3'], { preVote })
    const node = cluster.node('2')
    cluster.elect('1')
    node.holdsApplies = true
    cluster.change('1', [{ type: 'remove', node: '1' }])
    cluster.settle()
    t.match(cluster.status('2'), { commit: 2, applied: 1 })
    cluster.campaign('2')
    t.equal(cluster.status('2').role, 'follower', 'asked to')
    cluster.tick('2', 30)
    t.equal(cluster.status('2').role, 'follower', 'by time')
    node.step({ type: 'timeout-now', from: '1', to: '2', term: 1 })
    t.equal(cluster.status('2').role, 'follower', 'by a transfer')
    t.match(node.events.at(-1), { event: 'no-campaign', reason: 'change-unapplied' }, 'and it says why')
    node.holdsApplies = false
    node.apply()
    cluster.campaign('2')
    t.not(cluster.status('2').role, 'follower', 'once it is applied it may')
  }
})

t.test('Mistake 9: a joint configuration leaves by itself', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.change('1', [{ type: 'remove', node: '2' }, { type: 'learner', node: '3' }])
  cluster.settle()
  for (const id of ['1', '3']) {
    t.match(cluster.status(id).configuration, { voters: ['1'], votersOutgoing: [], learners: ['3'], autoLeave: false })
  }
})

t.test('Mistake 9: a joint configuration leaves by itself, also after a crash of whoever began it', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  for (const id of ['2', '3']) cluster.node(id).holdsApplies = true
  cluster.elect('1')
  cluster.change('1', [{ type: 'learner', node: '1' }, { type: 'voter', node: '2' }], 'implicit')
  // It is committed and in force nowhere yet, as the leader of it ends.
  cluster.node('1').holdsApplies = true
  cluster.settle()
  t.same(cluster.ids.map((id) => cluster.status(id).commit), [2, 2, 2])
  cluster.crash('1')
  for (const id of ['2', '3']) {
    cluster.node(id).holdsApplies = false
    cluster.node(id).apply()
    t.match(cluster.status(id).configuration, { votersOutgoing: ['1', '2', '3'], learnersNext: ['1'], autoLeave: true })
  }
  cluster.forget('2', '3')
  cluster.elect('2')
  for (const id of ['2', '3']) {
    t.match(cluster.status(id).configuration, { voters: ['2', '3'], votersOutgoing: [], learners: ['1'] })
  }
})

t.test('Mistake 9: a joint configuration leaves by itself, also when a transfer failed meanwhile', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.node('1').holdsApplies = true
  cluster.change('1', [{ type: 'learner', node: '2' }], 'implicit')
  cluster.settle()
  cluster.transfer('1', '3')
  cluster.drop('1', '3', 'timeout-now')
  cluster.node('1').holdsApplies = false
  cluster.node('1').apply()
  cluster.settle()
  t.match(cluster.status('1'), { transferee: '3', configuration: { votersOutgoing: ['1', '2', '3'] } })
  cluster.pass(11)
  t.match(cluster.status('1'), {
    role: 'leader', transferee: null, configuration: { voters: ['1', '3'], votersOutgoing: [], learners: ['2'] },
  })
})

t.test('Mistake 9: a change that the configuration cannot take is refused before it is in the log', async (t) => {
  const cluster = new Cluster(['1'])
  cluster.elect('1')
  cluster.change('1', [{ type: 'remove', node: '1' }])
  cluster.settle()
  t.match(cluster.status('1'), { role: 'leader', configuration: { voters: ['1'] } })
  t.match(cluster.node('1').events.at(-1), { event: 'change-refused', reason: /removed all voters/ })
  cluster.change('1', [{ type: 'learner', node: '1' }], 'explicit')
  cluster.settle()
  t.match(cluster.status('1'), { role: 'leader', configuration: { voters: ['1'] } })
  cluster.propose('1', 'it goes on')
  cluster.settle()
  t.same(cluster.node('1').texts, ['it goes on'])
})

t.test('Mistake 9: a change that cannot be read is refused, and its proposer harms nobody', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  const entries = [{ type: entryTypes.configuration, data: Buffer.from('no change at all') }]
  cluster.node('2').run((core) => core.propose(entries))
  t.doesNotThrow(() => { cluster.settle() })
  t.same(changesOf(cluster.node('1')), [])
})

t.test('Mistake 9: a change that is proposed changes nothing yet', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.isolate('2', '3')
  cluster.change('1', [{ type: 'learner', node: '1' }])
  t.equal(cluster.status('1').members.get('1')?.learner, false)
  t.same(cluster.status('1').configuration, three)
})

t.test('Mistake 10: a removed node stops: it commits nothing alone, disturbs no election, and says what it is',
  async (t) => {
    const cluster = new Cluster(['1', '2', '3'])
    cluster.elect('1')
    cluster.change('1', [{ type: 'remove', node: '3' }])
    cluster.settle()
    t.match(cluster.status('3'), { role: 'follower', configuration: { voters: ['1', '2'] } })

    cluster.tick('3', 100)
    cluster.campaign('3')
    t.equal(cluster.status('3').role, 'follower', 'it does not campaign')
    t.same(cluster.sent('3', '1').filter(({ type }) => type === 'vote' || type === 'pre-vote'), [])
    t.match(cluster.node('3').events.at(-1), { event: 'no-campaign', reason: 'no-voter' }, 'and says why')
    t.equal(cluster.propose('3', 'x').result, 'forwarded')
    t.equal(cluster.status('3').commit, 2)
    cluster.settle()
    t.match(cluster.status('1'), { role: 'leader', term: 1 })
  })

t.test('Mistake 10: a node that never heard of its removal commits nothing alone and disturbs nobody', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.isolate('3')
  cluster.change('1', [{ type: 'remove', node: '3' }])
  cluster.settle()
  cluster.heal()
  cluster.tick('3', 10)
  t.equal(cluster.status('3').role, 'pre-candidate', 'it believes itself a voter')
  for (let round = 0; round < 5; round++) {
    cluster.pass(3, ['1', '2'])
    cluster.tick('3', 10)
    cluster.settle()
  }
  t.match(cluster.status('1'), { role: 'leader', term: 1 })
  t.match(cluster.status('3'), { role: 'pre-candidate', term: 1, commit: 1 })
})

t.test('Mistake 10: a leader that removes itself leads no more once that is committed', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.change('1', [{ type: 'remove', node: '1' }])
  cluster.settle()
  t.match(cluster.status('1'), { role: 'follower', configuration: { voters: ['2', '3'] } })
  t.match(cluster.propose('1', 'x'), { result: 'refused', reason: 'no-leader' })
  for (const id of ['2', '3']) t.equal(cluster.status(id).commit, 2, 'whoever stays knows that it is')
  cluster.forget('2', '3')
  cluster.elect('2')
})

t.test('Mistake 10: a leader that may lead on without a vote does not count itself', async (t) => {
  const cluster = new Cluster(['1', '2', '3'], { stepDownOnRemoval: false })
  cluster.elect('1')
  cluster.propose('1', 'x')
  cluster.change('1', [{ type: 'remove', node: '1' }])
  cluster.settle()
  t.match(cluster.status('1'), { role: 'leader', commit: 3 })
  t.match(cluster.propose('1', 'y'), { result: 'refused', reason: 'removed' })
  cluster.isolate('2', '3')
  const context = cluster.read('1')
  cluster.settle()
  t.not(context, null)
  t.same(cluster.node('1').reads, [], 'nor for reads')
})

t.test('Mistake 10: a candidate that is removed meanwhile does not win', async (t) => {
  for (const preVote of [true, false]) {
    const cluster = new Cluster(['1', '2', '3'], { preVote })
    const node = cluster.node('3')
    cluster.campaign('3')
    // An embedding that applies a change late: it cannot be while a change is known to wait, but must do no harm.
    node.core.applyConfiguration({ data: Buffer.from([0, 2, 1, '3'.charCodeAt(0)]) })
    t.doesNotThrow(() => { cluster.settle() })
    t.equal(cluster.status('3').role, 'follower')
  }
})

t.test('Mistake 11: joining is idempotent by node id', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.add('4', { configuration: three })
  cluster.elect('1')
  const joined = []
  for (const type of ['learner', 'learner', 'voter', 'voter', 'update'] as const) {
    cluster.change('1', [{ type, node: '4' }])
    cluster.settle()
    const { voters, learners } = cluster.status('4').configuration
    joined.push([voters.join(), learners.join()])
    t.equal(cluster.status('1').members.get('4')?.match, cluster.status('1').lastIndex, 'its progress is kept')
  }
  t.same(joined, [['1,2,3', '4'], ['1,2,3', '4'], ['1,2,3,4', ''], ['1,2,3,4', ''], ['1,2,3,4', '']])
})

t.test('Mistake 11: who joins again in a change of several is a member once', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.change('1', [{ type: 'voter', node: '2' }, { type: 'learner', node: '3' }, { type: 'voter', node: '3' }])
  cluster.settle()
  t.same(cluster.status('1').configuration, three)
})

t.test('Mistake 11: the append errors of joining are errors', async (t) => {
  const cluster = new Cluster(['1', '2', '3'], { uncommittedBytesMax: 10 })
  t.match(cluster.change('1', [{ type: 'learner', node: '4' }]), { result: 'refused', reason: 'no-leader' })
  cluster.elect('1')
  cluster.isolate('2', '3')
  cluster.propose('1', 'so much that waits')
  t.match(cluster.change('1', [{ type: 'learner', node: '4' }]), { result: 'refused', reason: 'too-much-waiting' })
  cluster.heal()
  cluster.pass(1)
  const taken = cluster.change('1', [{ type: 'learner', node: '4' }])
  t.equal(taken.result, 'appended', 'what was refused leaves no trace: it can be asked for again')
  cluster.transfer('1', '2')
  t.match(cluster.change('1', [{ type: 'learner', node: '5' }]), { result: 'refused', reason: 'transferring' })
})

t.test('Mistake 11: a change that was not taken is known for one by the entry in its place', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  const taken = cluster.change('1', [{ type: 'learner', node: '4' }])
  const not = cluster.change('1', [{ type: 'learner', node: '5' }])
  t.match([taken, not], [{ result: 'appended', index: 2 }, { result: 'appended', index: 3 }])
  t.match(cluster.node('1').events.at(-1), { event: 'change-refused', reason: /a change may be pending at index 2/ })
  cluster.settle()
  t.match(cluster.node('1').applied.slice(1), [
    { index: 2, type: entryTypes.configuration }, { index: 3, type: entryTypes.command, data: Buffer.alloc(0) }])
})

t.test('Mistake 17: a learner that was promoted without knowing it answers votes', async (t) => {
  const cluster = new Cluster([], { preVote: false })
  const promoted = { ...three, voters: ['1', '2'] }
  cluster.add('1', { configuration: promoted, terms: [1, 1], hardState: { commit: 2 } })
  cluster.add('2', { configuration: { ...promoted, voters: ['1'], learners: ['2'] }, terms: [1, 1] })
  cluster.elect('1')
  t.equal(cluster.status('1').commit, 3)
})

t.test('Mistake 17: a learner never campaigns or receives leadership', async (t) => {
  const cluster = new Cluster([])
  for (const id of ['1', '2', '3', '4']) cluster.add(id, { configuration: { ...three, learners: ['4'] } })
  cluster.elect('1')
  cluster.transfer('1', '4')
  cluster.transfer('4', '4')
  cluster.settle()
  t.match(cluster.status('1'), { role: 'leader', transferee: null })
  cluster.node('4').step({ type: 'timeout-now', from: '1', to: '4', term: 1 })
  cluster.campaign('4')
  cluster.tick('4', 100)
  t.match(cluster.status('4'), { role: 'follower', term: 1 })
  t.same(cluster.sent('4', '1').filter(({ type }) => type === 'vote' || type === 'pre-vote'), [])
})

t.test('Mistake 17: the vote of a learner elects nobody, and what it holds commits nothing', async (t) => {
  const cluster = new Cluster([], { preVote: false, checkQuorum: false })
  for (const id of ['1', '2', '3', '4']) cluster.add(id, { configuration: { ...three, learners: ['4'] } })
  cluster.isolate('2', '3')
  cluster.campaign('1')
  cluster.settle()
  cluster.node('1').step({ type: 'vote-response', from: '4', to: '1', term: 1, reject: false })
  t.equal(cluster.status('1').role, 'candidate')
  cluster.heal()
  cluster.elect('1')
  cluster.isolate('2', '3')
  cluster.propose('1', 'x')
  cluster.settle()
  t.equal(cluster.node('4').disk.lastIndex, 2)
  t.equal(cluster.status('1').commit, 1)
})
