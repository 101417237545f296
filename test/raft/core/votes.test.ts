import t from 'tap'
import { emptyConfiguration } from '../../../plugins/raft/core/index.ts'
import type { Message } from '../../../plugins/raft/core/index.ts'
import { Cluster } from './cluster.ts'

const three = { ...emptyConfiguration, voters: ['1', '2', '3'] }

t.test('Mistake 1: a vote is granted by comparing last term, then last index, never a commit index', async (t) => {
  const votes: { candidate: number[], voter: number[], voterCommit: number, granted: boolean, why: string }[] = [
    { candidate: [1, 2], voter: [1, 1, 1], voterCommit: 0, granted: true, why: 'a newer last term wins over length' },
    { candidate: [1, 1, 1], voter: [1, 2], voterCommit: 0, granted: false, why: 'an older last term loses, however long' },
    { candidate: [1, 1, 1], voter: [1, 1], voterCommit: 2, granted: true, why: 'of one term the longer log wins' },
    { candidate: [1, 1], voter: [1, 1], voterCommit: 2, granted: true, why: 'the same log is new enough' },
    { candidate: [1, 1], voter: [1, 1, 1], voterCommit: 0, granted: false, why: 'of one term the shorter log loses' },
    { candidate: [1, 1], voter: [1, 1, 1], voterCommit: 1, granted: false, why: 'more than is committed is not enough' },
  ]
  for (const { candidate, voter, voterCommit, granted, why } of votes) {
    for (const preVote of [false, true]) {
      const cluster = new Cluster([], { preVote })
      cluster.add('1', { configuration: three, terms: candidate, hardState: { term: 5 } })
      cluster.add('2', { configuration: three, terms: voter, hardState: { term: 5, commit: voterCommit } })
      cluster.campaign('1')
      cluster.deliver('1', '2')
      cluster.persist('2')
      const [answer] = cluster.sent('2', '1')
      t.match(answer, { type: preVote ? 'pre-vote-response' : 'vote-response', reject: !granted }, why)
    }
  }
})

t.test('Mistake 2: a higher term in any message is adopted and persisted, with the vote, before anything is answered',
  async (t) => {
    const snapshot = { index: 9, term: 7, configuration: three }
    const messages: Message[] = [
      { type: 'append', from: '2', to: '1', term: 7, index: 0, logTerm: 0, commit: 0, entries: [] },
      { type: 'append-response', from: '2', to: '1', term: 7, index: 0, reject: false, hint: 0, hintTerm: 0 },
      { type: 'heartbeat', from: '2', to: '1', term: 7, commit: 0, context: null },
      { type: 'heartbeat-response', from: '2', to: '1', term: 7, context: null },
      { type: 'vote', from: '2', to: '1', term: 7, index: 9, logTerm: 6, transfer: false },
      { type: 'vote-response', from: '2', to: '1', term: 7, reject: true },
      { type: 'pre-vote-response', from: '2', to: '1', term: 7, reject: true },
      { type: 'snapshot', from: '2', to: '1', term: 7, snapshot },
      { type: 'timeout-now', from: '2', to: '1', term: 7 },
      { type: 'transfer-leader', from: '2', to: '1', term: 7 },
      { type: 'read-index-response', from: '2', to: '1', term: 7, index: 0, context: 'x' },
    ]
    for (const message of messages) {
      // With the check of the quorum, a leader in touch would not even hear of a vote.
      const cluster = new Cluster(['1', '2', '3'], { checkQuorum: false })
      const node = cluster.node('1')
      cluster.elect('1')
      node.step(message)
      // A node that is told to campaign does so in the term after.
      const term = message.type === 'timeout-now' ? 8 : 7
      t.equal(cluster.status('1').term, term, `${message.type}: the term is adopted`)
      t.not(cluster.status('1').role, 'leader', `${message.type}: a leader of an older term leads no more`)
      const [write] = node.writes
      t.equal(write?.hardState?.term, term, `${message.type}: the disk is asked to keep it`)
      t.equal(write?.mustSync, true, `${message.type}: for certain`)
      const answers = cluster.sent('1', '2').filter(({ type }) => type.endsWith('-response'))
      const early = answers.filter(({ type }) => type !== 'heartbeat-response')
      t.same(early, [], `${message.type}: nothing that promises anything is answered before`)
    }
  })

t.test('Mistake 2: a pre-vote and the promise of one are of no term yet, and change none', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.node('1').step({ type: 'pre-vote', from: '2', to: '1', term: 7, index: 9, logTerm: 6, transfer: false })
  cluster.node('1').step({ type: 'pre-vote-response', from: '2', to: '1', term: 7, reject: false })
  t.match(cluster.status('1'), { term: 0, vote: null })
})

t.test('Mistake 2: one vote a term, across crashes', async (t) => {
  const cluster = new Cluster(['1', '2', '3'], { preVote: false })
  cluster.campaign('1')
  cluster.deliver('1', '2')
  t.same(cluster.sent('2', '1'), [], 'the answer waits for the disk')
  cluster.persist('2')
  t.match(cluster.sent('2', '1'), [{ type: 'vote-response', reject: false }])

  cluster.crash('2')
  cluster.restart('2')
  cluster.campaign('3')
  cluster.deliver('3', '2')
  cluster.persist('2')
  t.match(cluster.sent('2', '3'), [{ type: 'vote-response', term: 1, reject: true }], 'it knows that it has voted')
})

t.test('Mistake 2: who voted for a candidate says so again when it is asked again', async (t) => {
  const cluster = new Cluster(['1', '2', '3'], { preVote: false })
  const request: Message = { type: 'vote', from: '1', to: '2', term: 1, index: 0, logTerm: 0, transfer: false }
  cluster.node('2').step(request)
  cluster.persist('2')
  cluster.crash('2')
  cluster.restart('2')
  cluster.node('2').step(request)
  cluster.persist('2')
  t.match(cluster.sent('2', '1'), [{ reject: false }, { reject: false }])
})

t.test('Mistake 3: term and vote are one durable record', async (t) => {
  const cluster = new Cluster(['1', '2', '3'], { preVote: false })
  cluster.campaign('1')
  t.match(cluster.node('1').writes, [{ hardState: { term: 1, vote: '1' }, mustSync: true }], 'a candidate')
  cluster.deliver('1', '2')
  t.match(cluster.node('2').writes, [{ hardState: { term: 1, vote: '1' }, mustSync: true }], 'a voter')
})

t.test('Mistake 3: a candidate counts its own vote once that is durable', async (t) => {
  const cluster = new Cluster(['1', '2', '3'], { preVote: false })
  cluster.campaign('1')
  cluster.deliver('1', '2')
  cluster.persist('2')
  cluster.deliver('2', '1')
  t.equal(cluster.status('1').role, 'candidate')
  cluster.persist('1')
  t.equal(cluster.status('1').role, 'leader')
})

t.test('Mistake 16: granting a pre-vote does not count as hearing from a leader', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.tick('2', 9)
  cluster.campaign('1')
  cluster.deliver('1', '2')
  t.equal(cluster.status('2').role, 'follower')
  cluster.tick('2')
  t.equal(cluster.status('2').role, 'pre-candidate', 'it campaigns when its own time has come')
})

t.test('Mistake 16: granting a vote does: the election has a winner in sight', async (t) => {
  const cluster = new Cluster(['1', '2', '3'], { preVote: false })
  cluster.tick('2', 9)
  cluster.campaign('1')
  cluster.deliver('1', '2')
  cluster.tick('2', 9)
  t.equal(cluster.status('2').role, 'follower')
})

t.test('Mistake 16: a pre-candidate forgets its leader', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.tick('2', 10)
  t.match(cluster.status('2'), { role: 'pre-candidate', leader: null, term: 1, vote: '1' })
  t.match(cluster.propose('2', 'x'), { result: 'refused', reason: 'no-leader' })
  // And so it grants the pre-vote of another, who has lost the leader too.
  cluster.tick('3', 10)
  cluster.deliver('3', '2')
  cluster.persist('2')
  t.match(cluster.sent('2', '3', 'pre-vote-response'), [{ reject: false }])
})

t.test('Mistake 16: who is in touch with a leader lets nobody disturb it', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.tick('3', 10)
  cluster.settle()
  t.match(cluster.status('1'), { role: 'leader', term: 1 })
  t.match(cluster.status('3'), { role: 'pre-candidate', term: 1 })
  cluster.pass(1)
  t.match(cluster.status('3'), { role: 'follower', leader: '1', term: 1 })
})

t.test('Mistake 20: a node that lost its disk does not vote under the same id', async (t) => {
  const cluster = new Cluster(['1', '2', '3'], { preVote: false, checkQuorum: false })
  cluster.elect('1')
  cluster.isolate('3')
  cluster.propose('1', 'acknowledged')
  cluster.settle()
  t.ok(cluster.node('2').texts.includes('acknowledged'))

  // Of the two disks that hold the write one is lost, so node 3, who never had it, must not win with that vote.
  cluster.crash('1')
  cluster.crash('2')
  cluster.add('2')
  cluster.heal()
  cluster.campaign('3')
  cluster.settle()
  t.not(cluster.status('3').role, 'leader')
})

t.test('Mistake 20: a node that lost its disk says so when its leader counts on what it held', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.propose('1', 'acknowledged')
  cluster.settle()
  cluster.crash('2')
  cluster.add('2')
  cluster.tick('1')
  t.throws(() => cluster.deliver('1', '2', 'heartbeat'), { message: /entries were lost here/ })
})

t.test('Mistake 20: a node that knows nothing yet still learns the term that it is asked to vote in', async (t) => {
  const cluster = new Cluster(['1'], { preVote: false })
  cluster.add('2')
  cluster.node('2').step({ type: 'vote', from: '1', to: '2', term: 4, index: 3, logTerm: 3, transfer: false })
  cluster.persist('2')
  t.match(cluster.sent('2', '1'), [{ type: 'vote-response', reject: true, term: 4 }])
  t.match(cluster.status('2'), { term: 4, vote: null })
})
