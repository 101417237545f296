import { test, type Test } from 'tap'
import { startNode, type Client } from '../api/client.ts'
import { until } from '../support/node.ts'
import { bearer, files } from './files.ts'

// Rights go by names, and a write that names its tenant by id is allowed before it is made.

const [all, ann] = [bearer('all'), bearer('ann')]
const policy = { identities: { all: { read: ['*'], write: ['*'], admin: true }, ann: { read: ['coke'], write: ['coke'] } } }

async function world (t: Test): Promise<{ client: Client, id: string }> {
  const client = await startNode(t, files(t, { tokens: ['all', 'ann'], policy }).config)
  const { body: { id } } = await client.post('/tenants', { name: 'coke' }, all)
  return { client, id }
}

test('a queued write by id does not follow its tenant to a name on which its sender has no rights', async (t) => {
  const { client, id } = await world(t)
  const { raft } = client.app
  const { propose } = raft
  // As when there is no leader.
  raft.propose = async () => { throw new Error('nobody leads') }
  const { body: { receipt } } = await client.post('/changes?ack=queue', { tenant: id, data: 'late' }, ann)
  raft.propose = propose
  t.equal((await client.put('/tenants/coke', { name: 'vault' }, all)).status, 200)
  let fate: any
  await until(async () => (fate = (await client.get(`/receipts/${receipt}`, ann)).body).state !== 'pending', 'its outcome')
  t.match(fate, { state: 'rejected', problem: { code: 'TENANT_RENAMED', tenant: id } })
})

test('a write by an id that is not given yet is refused, as that of a name on which its sender has no rights', async (t) => {
  const { client } = await world(t)
  const next = String(await client.revision() + 1)
  t.equal((await client.post('/changes', { tenant: next, data: 1 }, ann)).status, 403)
})

test('writes by id go on where nothing is renamed', async (t) => {
  const { client, id } = await world(t)
  t.equal((await client.post('/changes', { tenant: id, data: 1 }, ann)).status, 201)
  await client.post('/tenants', { name: 'coke/eu' }, ann)
  const eu = (await client.get('/tenants/coke%2Feu', ann)).body.id as string
  const both = { compare: [], then: [{ type: 'put', tenant: eu, data: 1 }, { type: 'put', tenant: id, data: 2 }] }
  t.equal((await client.post('/transactions', both, ann)).status, 200)
})
