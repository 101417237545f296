import t from 'tap'
import { emptyConfiguration, entryTypes } from '../../../plugins/raft/core/index.ts'
import type { Append, Entry, Message } from '../../../plugins/raft/core/index.ts'
import { Cluster } from './cluster.ts'

const three = { ...emptyConfiguration, voters: ['1', '2', '3'] }

function entry (index: number, term: number): Entry {
  return { index, term, type: entryTypes.command, data: Buffer.from(`entry ${index} of term ${term}`) }
}

function append (term: number, previous: [index: number, term: number], entries: Entry[], commit = 0): Append {
  const [index, logTerm] = previous
  return { type: 'append', from: '1', to: '2', term, index, logTerm, commit, entries }
}

t.test('Mistake 3: a follower acknowledges entries once they are durable', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.propose('1', 'x')
  cluster.deliver('1', '2', 'append')
  t.same(cluster.sent('2', '1'), [])
  t.match(cluster.node('2').writes, [{ mustSync: true, entries: [{ index: 2 }] }])
  cluster.persist('2')
  t.match(cluster.sent('2', '1'), [{ type: 'append-response', index: 2, reject: false }])
  t.equal(cluster.node('2').disk.lastIndex, 2)
})

t.test('Mistake 3: a leader counts itself once its own disk holds the entries', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.propose('1', 'x')
  cluster.deliver('1', '2', 'append')
  cluster.persist('2')
  cluster.deliver('2', '1')
  t.match(cluster.status('1'), { lastIndex: 2, commit: 1 }, 'one durable copy of three is no majority')
  cluster.persist('1')
  t.match(cluster.status('1'), { commit: 2 })
})

t.test('Mistake 3: a leader commits without its own disk what a majority of others holds', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.propose('1', 'x')
  for (const id of ['2', '3']) {
    cluster.deliver('1', id, 'append')
    cluster.persist(id)
    cluster.deliver(id, '1')
  }
  t.match(cluster.status('1'), { commit: 2 })
  t.same(cluster.node('1').texts, [], 'and applies it once it holds it itself')
  cluster.persist('1')
  t.same(cluster.node('1').texts, ['x'])
})

t.test('Mistake 4: after a restart nothing above the persisted commit index counts as committed', async (t) => {
  const cluster = new Cluster([])
  const node = cluster.add('1', { configuration: three, terms: [1, 1, 2, 2, 2], hardState: { commit: 3 } })
  t.match(cluster.status('1'), { commit: 3, lastIndex: 5 })
  t.same(node.applied.map(({ index }) => index), [1, 2, 3])
})

t.test('Mistake 4: a node that is alone commits what its disk holds anew, with an entry of its own term', async (t) => {
  const cluster = new Cluster([])
  const alone = { ...emptyConfiguration, voters: ['1'] }
  const node = cluster.add('1', { configuration: alone, terms: [1, 1, 2], hardState: { commit: 1 } })
  t.same(node.applied.map(({ index }) => index), [1])
  cluster.elect('1')
  t.same(node.applied.map(({ index, term }) => [index, term]), [[1, 1], [2, 1], [3, 2], [4, 3]])
})

t.test('Mistake 5: a follower commits min(leader\'s commit, last entry that this append verified)', async (t) => {
  const cluster = new Cluster([])
  // Its entry 3 is a dead leader's, and not what the cluster committed there.
  const node = cluster.add('2', { configuration: three, terms: [1, 1, 2] })
  node.step(append(3, [1, 1], [], 3))
  t.equal(cluster.status('2').commit, 1, 'an append without entries verifies the one before')
  node.step(append(3, [1, 1], [entry(2, 1)], 3))
  t.equal(cluster.status('2').commit, 2)
  node.step(append(3, [2, 1], [entry(3, 3)], 3))
  t.equal(cluster.status('2').commit, 3)
  node.persist()
  t.same(node.applied.map(({ term }) => term), [1, 1, 3])
})

t.test('Mistake 5: a heartbeat commits no more than its receiver is known to hold', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.isolate('3')
  cluster.propose('1', 'x')
  cluster.settle()
  t.equal(cluster.status('1').commit, 2)
  cluster.tick('1')
  t.match(cluster.sent('1', '3', 'heartbeat'), [{ commit: 1 }])
  t.match(cluster.sent('1', '2', 'heartbeat'), [{ commit: 2 }])
})

t.test('Mistake 6: every committed entry is applied, once, in order, configuration and no-op entries included',
  async (t) => {
    // Limits that let little be sent and applied at a time make for many small steps.
    const cluster = new Cluster(['1', '2', '3'], { applyingBytesMax: 40, appendBytesMax: 60, inflightMessagesMax: 2 })
    // Who replays the log from its beginning needs the founders' configuration: it is in no entry.
    cluster.add('4', { configuration: three })
    cluster.elect('1')
    cluster.propose('1', 'a', 'b', 'c')
    cluster.settle()
    cluster.change('1', [{ type: 'learner', node: '4' }])
    cluster.settle()
    cluster.propose('1', 'd')
    cluster.settle()
    cluster.crash('2')
    cluster.propose('1', 'e', 'f'.repeat(100))
    cluster.settle()
    cluster.restart('2')
    cluster.pass(2)
    cluster.forget('1', '2', '3')
    cluster.elect('3')
    cluster.propose('3', 'g')
    cluster.settle()
    cluster.pass(2)
    const expected = ['', 'a', 'b', 'c', 'change', 'd', 'e', 'f'.repeat(100), '', 'g']
    for (const id of cluster.ids) {
      const { applied } = cluster.node(id)
      t.same(applied.map(({ index }) => index), expected.map((_, at) => at + 1), `node ${id}: once, in order`)
      t.same(applied.map(({ type, data }) => type === entryTypes.configuration ? 'change' : data.toString()), expected)
    }
  })

/**
 * Figure 8 of the Raft paper, as node 1 leads again: an entry of term 2 is on its own disk alone, and while it
 * replicates that, another node may hold a newer one.
 */
function figure8 (): Cluster {
  // One entry an append, so that the old one arrives before the leader's own.
  const cluster = new Cluster([], { appendBytesMax: 1 })
  cluster.add('1', { configuration: three, terms: [1, 2], hardState: { term: 3, commit: 1 } })
  cluster.add('2', { configuration: three, terms: [1], hardState: { term: 3, commit: 1 } })
  cluster.add('3', { configuration: three, terms: [1], hardState: { term: 3, commit: 1 } })
  cluster.isolate('3')
  cluster.campaign('1')
  for (const type of ['pre-vote', 'vote'] as const) {
    cluster.persist('1')
    cluster.deliver('1', '2', type)
    cluster.persist('2')
    cluster.deliver('2', '1')
  }
  cluster.persist('1')
  return cluster
}

t.test('Mistake 7: a new leader commits only entries of its own term by counting (figure 8)', async (t) => {
  const cluster = figure8()
  t.match(cluster.status('1'), { role: 'leader', term: 4, commit: 1, lastIndex: 3 })
  for (;;) {
    const appends = cluster.deliver('1', '2', 'append') as Append[]
    cluster.persist('2')
    if (cluster.node('2').disk.lastIndex === 2) {
      t.match(appends.at(-1), { entries: [{ index: 2, term: 2 }] })
      cluster.deliver('2', '1')
      t.equal(cluster.status('1').commit, 1, 'a majority holds entry 2, and it is not committed')
      break
    }
    cluster.deliver('2', '1')
  }
  cluster.settle()
  t.equal(cluster.status('1').commit, 3, 'it is with the first of the leader\'s own')
})

t.test('Mistake 7: a new leader appends and stores a no-op', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  const noOp = [{ index: 1, term: 1, type: entryTypes.command, data: Buffer.alloc(0) }]
  for (const id of cluster.ids) {
    t.same(cluster.node(id).disk.all, noOp)
    t.same(cluster.node(id).applied, noOp)
  }
})

t.test('Mistake 8: a leader that sees a higher term steps down', async (t) => {
  const types: Message[] = [
    { type: 'append-response', from: '2', to: '1', term: 5, index: 0, reject: false, hint: 0, hintTerm: 0 },
    { type: 'heartbeat-response', from: '2', to: '1', term: 5, context: null },
    { type: 'heartbeat', from: '2', to: '1', term: 5, commit: 0, context: null },
  ]
  for (const message of types) {
    const cluster = new Cluster(['1', '2', '3'])
    cluster.elect('1')
    cluster.node('1').step(message)
    t.match(cluster.status('1'), { role: 'follower', term: 5 }, message.type)
  }
})

t.test('Mistake 8: who answers a leader of an older term tells it of the newer one', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.isolate('1')
  cluster.forget('2', '3')
  cluster.elect('2')
  cluster.heal()
  cluster.pass(1, ['1'])
  t.match(cluster.status('1'), { role: 'follower', term: 2 })
})

t.test('Mistake 8: without a quorum in touch a leader steps down', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.pass(10)
  cluster.isolate('2')
  cluster.pass(25, ['1', '3'])
  t.equal(cluster.status('1').role, 'leader', 'one other of three is a quorum with it')
  cluster.isolate('2', '3')
  cluster.pass(20, ['1'])
  t.match(cluster.status('1'), { role: 'follower', leader: null, term: 1 })
  t.match(cluster.propose('1', 'x'), { result: 'refused', reason: 'no-leader' })
})

t.test('Mistake 8: learners are no part of the quorum in touch', async (t) => {
  const cluster = new Cluster([])
  for (const id of ['1', '2', '3', '4']) cluster.add(id, { configuration: { ...three, learners: ['4'] } })
  cluster.elect('1')
  cluster.isolate('2', '3')
  cluster.pass(20, ['1', '4'])
  t.equal(cluster.status('1').role, 'follower')
})

t.test('Mistake 19: entries after the matching point are not deleted without a conflict', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  const node = cluster.node('2')
  node.step(append(1, [0, 0], [entry(1, 1), entry(2, 1), entry(3, 1)]))
  node.persist()
  // The first of these was sent before what is there already, and overtaken by it.
  node.step(append(1, [0, 0], [entry(1, 1)]))
  node.persist()
  t.equal(node.disk.lastIndex, 3)
  t.match(cluster.sent('2', '1').at(-1), { index: 1, reject: false }, 'no more than it verified is acknowledged')
  node.step(append(1, [1, 1], []))
  node.persist()
  t.equal(node.disk.lastIndex, 3)
  node.step(append(2, [1, 1], [entry(2, 2)]))
  node.persist()
  t.same(node.disk.all.map(({ term }) => term), [1, 2], 'a conflict deletes it and all after it')
})

t.test('Mistake 19: an acknowledgement of an earlier term is ignored', async (t) => {
  const cluster = new Cluster([])
  cluster.add('1', { configuration: three, terms: [1, 1], hardState: { term: 1 } })
  cluster.add('2', { configuration: three, terms: [1, 1], hardState: { term: 1 } })
  cluster.add('3', { configuration: three, terms: [1], hardState: { term: 1 } })
  cluster.isolate('2')
  cluster.elect('1')
  cluster.node('1').step(
    { type: 'append-response', from: '2', to: '1', term: 1, index: 3, reject: false, hint: 0, hintTerm: 0 })
  t.equal(cluster.status('1').members.get('2')?.match, 0)
})

t.test('Mistake 19: a late or doubled rejection does not move a follower back', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  for (const text of ['a', 'b', 'c']) {
    cluster.propose('1', text)
    cluster.settle()
  }
  const before = cluster.status('1').members.get('2')
  cluster.node('1').step(
    { type: 'append-response', from: '2', to: '1', term: 1, index: 2, reject: true, hint: 1, hintTerm: 1 })
  t.same(cluster.status('1').members.get('2'), before)
  t.same(cluster.sent('1', '2'), [])
})

t.test('Mistake 19: a late acknowledgement does not take back a newer one', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.propose('1', 'a')
  cluster.settle()
  cluster.node('1').step(
    { type: 'append-response', from: '2', to: '1', term: 1, index: 1, reject: false, hint: 0, hintTerm: 0 })
  t.equal(cluster.status('1').members.get('2')?.match, 2)
})

t.test('Mistake 19: a disk write that was overtaken by a truncation makes nothing stable', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  const node = cluster.node('2')
  const { core } = node
  core.step(append(1, [0, 0], [entry(1, 1), entry(2, 1)]))
  const first = core.ready()
  // While the disk writes these, another leader replaces the second, and then a third puts the first's back.
  core.step(append(2, [1, 1], [entry(2, 2)]))
  const second = core.ready()
  core.step(append(3, [1, 1], [entry(2, 1), entry(3, 3)], 3))
  const third = core.ready()
  node.disk.append(first.entries)
  core.persisted(first.receipt!)
  t.equal(core.hasReady, false, 'entry 2 is there, but will be replaced: nothing is applied from it')
  node.disk.append(second.entries)
  core.persisted(second.receipt!)
  t.equal(core.hasReady, false)
  node.disk.append(third.entries)
  core.persisted(third.receipt!)
  t.same(core.ready().committed.map(({ index, term }) => [index, term]), [[1, 1], [2, 1], [3, 3]])
})

t.test('Mistake 19: what was replaced and is still on the disk is no longer a part of the log', async (t) => {
  const cluster = new Cluster([])
  const node = cluster.add('2', { configuration: three, terms: [1, 1, 1, 1, 1] })
  node.step(append(2, [1, 1], [entry(2, 2)]))
  // A leader of the old branch, to whom the new one never came. It knows nothing of what is here.
  node.step(append(3, [4, 1], [entry(5, 1), entry(6, 3)]))
  node.persist()
  t.match(cluster.sent('2', '1').at(-1), { type: 'append-response', reject: true })
  t.same(node.disk.all.map(({ term }) => term), [1, 2])
})
