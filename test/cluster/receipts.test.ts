import t from 'tap'
import { Cluster } from './cluster.ts'
import { seed } from './clients.ts'
import { fateThrough } from './fate.ts'

const key = '/tenants/t/collections/c/keys/k'

t.test('What became of writes that a leader without followers took in is certain, through any node', async (t) => {
  const cluster = await Cluster.start(t, 3, { CHANGEWELL_WRITE_TIMEOUT_SECONDS: '2' })
  await seed(cluster.nodes[0]!)
  const cut = await cluster.leader()
  const others = cluster.nodes.filter((node) => node !== cut)
  cluster.cutOff(cut)
  const [waited, appended] = await Promise.all([
    cut.put('k', 'waited'), cut.call('PUT', `${key}2?ack=leader`, { data: 'appended' }),
  ])
  t.match(waited, { status: 504, body: { code: /WRITE_TIMEOUT|OUTCOME_UNKNOWN/, receipt: /./ } })
  t.match(appended, { status: 202, body: { receipt: /./ } })
  const receipts = [waited.body.receipt as string, appended.body.receipt as string]
  await cluster.leader(others)
  for (const receipt of receipts) {
    t.match(await fateThrough(others[0]!, receipt), { state: 'rejected', problem: { code: 'WRITE_EXPIRED' } })
  }
  cluster.healAll()
  await cluster.settled()
  for (const node of cluster.nodes) {
    for (const receipt of receipts) t.match(await fateThrough(node, receipt), { state: 'rejected' }, node.name)
    t.match(await node.get(key), { status: 404 }, 'and it is not there')
  }
  const { body } = await cut.call('PUT', `${key}?ack=leader`, { data: 'again' })
  const fate = await fateThrough(others[1]!, body.receipt as string)
  t.match(await others[0]!.get(key), { status: 200, body: { data: 'again', revision: fate.revision } })
  await cluster.checksum()
})
