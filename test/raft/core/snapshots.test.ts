import t from 'tap'
import { emptyConfiguration } from '../../../plugins/raft/core/index.ts'
import { Cluster } from './cluster.ts'

const three = { ...emptyConfiguration, voters: ['1', '2', '3'] }

/** Node 3 missed what the leader's log no longer holds. */
function behind (): Cluster {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.isolate('3')
  cluster.propose('1', 'a', 'b')
  cluster.settle()
  cluster.node('1').compact()
  cluster.heal()
  return cluster
}

t.test('Mistake 12: a member behind the first log index gets a snapshot', async (t) => {
  const cluster = behind()
  cluster.pass(2)
  t.same(cluster.node('3').texts, ['a', 'b'])
  t.match(cluster.status('1').members.get('3'), { state: 'replicate', match: 3 })
  cluster.propose('1', 'c')
  cluster.settle()
  t.same(cluster.node('3').texts, ['a', 'b', 'c'], 'and entries from there on')
})

t.test('Mistake 12: members survive two compactions', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.add('4', { configuration: three })
  cluster.elect('1')
  cluster.change('1', [{ type: 'learner', node: '4' }, { type: 'remove', node: '3' }])
  cluster.settle()
  const members = { ...emptyConfiguration, voters: ['1', '2'], learners: ['4'] }
  for (const text of ['first', 'second']) {
    cluster.propose('1', text)
    cluster.settle()
    for (const id of ['1', '2', '4']) {
      cluster.node(id).compact()
      cluster.crash(id)
      cluster.restart(id)
      t.same(cluster.status(id).configuration, members, `node ${id} after its ${text}`)
    }
    cluster.elect('1')
  }
  cluster.add('5', { configuration: three })
  cluster.change('1', [{ type: 'learner', node: '5' }])
  cluster.settle()
  t.same(cluster.status('5').configuration, three, 'a snapshot from before it joined is not for who joins')
  cluster.node('1').run((core) => { core.reportSnapshot('5', false) })
  cluster.node('1').compact()
  cluster.pass(2)
  t.same(cluster.status('5').configuration, { ...members, learners: ['4', '5'] }, 'a newer one tells it of them')
})

t.test('Mistake 12: members of a joint configuration survive a snapshot, and it is left', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.isolate('3')
  cluster.change('1', [{ type: 'learner', node: '2' }], 'explicit')
  cluster.settle()
  cluster.node('1').compact()
  cluster.heal()
  cluster.pass(2)
  t.same(cluster.status('3').configuration, cluster.status('1').configuration)
  t.match(cluster.status('3').configuration, { votersOutgoing: ['1', '2', '3'], learnersNext: ['2'] })
  cluster.change('1', [])
  cluster.settle()
  t.match(cluster.status('3').configuration, { voters: ['1', '3'], learners: ['2'] })
})

t.test('Mistake 12: a failed or interrupted snapshot is reported and resumes', async (t) => {
  const cluster = behind()
  cluster.tick('1')
  cluster.deliver('1', '3', 'heartbeat')
  cluster.deliver('3', '1', 'heartbeat-response')
  cluster.deliver('1', '3', 'append')
  cluster.persist('3')
  cluster.deliver('3', '1', 'append-response')
  t.equal(cluster.status('1').members.get('3')?.state, 'snapshot')
  cluster.drop('1', '3', 'snapshot')

  cluster.pass(3)
  t.equal(cluster.status('1').members.get('3')?.state, 'snapshot', 'nothing is sent while it is on its way')
  cluster.node('1').run((core) => { core.reportSnapshot('3', false) })
  t.match(cluster.status('1').members.get('3'), { state: 'probe', blocked: true, pendingSnapshot: 0 })
  t.same(cluster.sent('1', '3', 'snapshot'), [], 'it is tried again once the member answers')
  cluster.pass(3)
  t.same(cluster.node('3').texts, ['a', 'b'])
})

t.test('Mistake 12: a node that crashed before the snapshot was durable begins where it was', async (t) => {
  const cluster = behind()
  for (const type of ['heartbeat', 'append'] as const) {
    if (type === 'heartbeat') cluster.tick('1')
    cluster.deliver('1', '3', type)
    cluster.persist('3')
    cluster.deliver('3', '1')
  }
  cluster.deliver('1', '3', 'snapshot')
  t.same(cluster.sent('3', '1', 'append-response'), [], 'it is not acknowledged before')
  t.same(cluster.node('3').applied.length, 1, 'and nothing of it is applied')
  cluster.crash('3')
  cluster.restart('3')
  t.match(cluster.status('3'), { commit: 1, lastIndex: 1 })
  cluster.node('1').run((core) => { core.reportSnapshot('3', false) })
  cluster.pass(3)
  t.same(cluster.node('3').texts, ['a', 'b'])
})

t.test('Mistake 12: a snapshot that comes late does not take a member back', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.propose('1', 'a')
  cluster.settle()
  cluster.node('3').step({
    type: 'snapshot', from: '1', to: '3', term: 1, snapshot: { index: 1, term: 1, configuration: three },
  })
  cluster.node('3').persist()
  t.match(cluster.status('3'), { commit: 2, lastIndex: 2 })
  t.match(cluster.sent('3', '1'), [{ type: 'append-response', index: 2, reject: false }])
})

t.test('Mistake 12: a snapshot does not take from a log what goes beyond it', async (t) => {
  const cluster = new Cluster([])
  const node = cluster.add('3', { configuration: three, terms: [1, 1, 1] })
  node.step({ type: 'snapshot', from: '1', to: '3', term: 1, snapshot: { index: 2, term: 1, configuration: three } })
  node.persist()
  t.match(cluster.status('3'), { commit: 2, lastIndex: 3, firstIndex: 1 })
})

t.test('Mistake 12: a snapshot waits for what is being applied, and nothing is applied twice', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  const node = cluster.node('3')
  cluster.elect('1')
  node.holdsApplies = true
  cluster.propose('1', 'a')
  cluster.settle()
  cluster.isolate('3')
  cluster.propose('1', 'b', 'c')
  cluster.settle()
  cluster.node('1').compact()
  cluster.heal()
  node.step({
    type: 'snapshot', from: '1', to: '3', term: 1, snapshot: cluster.node('1').disk.snapshot()!,
  })
  t.match(cluster.status('3'), { applied: 1, commit: 4 })
  node.holdsApplies = false
  node.apply()
  t.match(cluster.status('3'), { applied: 2, commit: 4 }, 'what was handed out is applied first')
  t.equal(node.core.hasReady, false, 'and nothing more until the snapshot is durable')
  cluster.pass(2)
  cluster.propose('1', 'd')
  cluster.settle()
  t.same(node.texts, ['a', 'b', 'c', 'd'])
})
