import t from 'tap'
import { until } from '../support/node.ts'
import { Clients, seed } from './clients.ts'
import { Cluster } from './cluster.ts'

t.test('What is passed on to the leader carries the id of the request and its trace context', async (t) => {
  const cluster = await Cluster.start(t, 3, { CHANGEWELL_LOG_LEVEL: 'debug' })
  const leader = await cluster.leader()
  await seed(leader)
  const clients = Clients.start(cluster, 2)
  const [follower] = await cluster.followers()
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const { status, headers } = await follower!.put('k', 1, { 'x-request-id': 'order-66', traceparent })
  t.match(status, /20[01]/)
  t.equal(headers.get('x-request-id'), 'order-66')
  let line: Record<string, unknown> = {}
  await until(() => {
    const found = leader.process.lines.find((text) => text.includes('order-66'))
    if (found !== undefined) line = JSON.parse(found) as Record<string, unknown>
    return found !== undefined
  }, 'the leader to log it')
  t.match(line, { requestId: 'order-66', traceparent, from: follower!.id, msg: 'a proposal of another node' })
  await clients.acknowledged(20)
  await clients.end(t)
})
