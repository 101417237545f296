import t from 'tap'
import { Cluster } from './cluster.ts'

t.test('Mistake 18: a transfer skips PreVote', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.transfer('1', '2')
  cluster.deliver('1', '2', 'timeout-now')
  t.match(cluster.status('2'), { role: 'candidate', term: 2 })
  t.match(cluster.sent('2', '3'), [{ type: 'vote', transfer: true }])
  cluster.settle()
  t.equal(cluster.status('2').role, 'leader', 'and those in touch with the old leader vote for it')
  t.match(cluster.status('1'), { role: 'follower', leader: '2' })
})

t.test('Mistake 18: a transfer blocks proposals meanwhile', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.transfer('1', '2')
  t.match(cluster.propose('1', 'x'), { result: 'refused', reason: 'transferring' })
  cluster.settle()
  t.match(cluster.propose('1', 'x'), { result: 'forwarded', to: '2' })
})

t.test('Mistake 18: the heir gets all that it lacks before it is told to campaign', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.isolate('2')
  cluster.propose('1', 'x', 'y')
  cluster.settle()
  cluster.heal()
  cluster.transfer('1', '2')
  t.same(cluster.sent('1', '2', 'timeout-now'), [])
  cluster.pass(1)
  t.equal(cluster.status('2').role, 'leader')
  t.same(cluster.node('2').texts, ['x', 'y'])
})

t.test('Mistake 18: a transfer gives up after one election time-out', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.isolate('2')
  cluster.transfer('1', '2')
  cluster.pass(9, ['1', '3'])
  t.equal(cluster.status('1').transferee, '2')
  cluster.pass(1, ['1', '3'])
  t.match(cluster.status('1'), { role: 'leader', transferee: null })
  t.match(cluster.propose('1', 'x'), { result: 'appended' })
})

t.test('Mistake 18: another transfer takes the place of the first, and one to the leader itself ends it', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.isolate('2')
  cluster.transfer('1', '2')
  cluster.transfer('1', '1')
  t.equal(cluster.status('1').transferee, null)
  cluster.transfer('1', '2')
  cluster.transfer('1', '3')
  t.equal(cluster.status('1').transferee, '3')
  cluster.settle()
  t.equal(cluster.status('3').role, 'leader')
})

t.test('Mistake 18: a follower passes the wish on to the leader', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.transfer('3', '2')
  cluster.settle()
  t.equal(cluster.status('2').role, 'leader')
})

t.test('Mistake 18: a transfer to who is removed meanwhile is given up', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.node('1').holdsApplies = true
  cluster.change('1', [{ type: 'remove', node: '2' }])
  cluster.settle()
  cluster.transfer('1', '2')
  cluster.drop('1', '2', 'timeout-now')
  cluster.node('1').holdsApplies = false
  cluster.node('1').apply()
  t.match(cluster.status('1'), { role: 'leader', transferee: null })
})

t.test('Mistake 18: a transfer to who is no member, or removed, is none', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.transfer('1', '4')
  t.equal(cluster.status('1').transferee, null)
  cluster.change('1', [{ type: 'remove', node: '3' }])
  cluster.settle()
  cluster.transfer('1', '3')
  t.equal(cluster.status('1').transferee, null)
})

t.test('Mistake 18: being told to campaign for a term that is over does nothing', async (t) => {
  const cluster = new Cluster(['1', '2', '3'])
  cluster.elect('1')
  cluster.forget('2', '3')
  cluster.elect('2')
  cluster.node('3').step({ type: 'timeout-now', from: '1', to: '3', term: 1 })
  t.match(cluster.status('3'), { role: 'follower', leader: '2', term: 2 })
})
