import t from 'tap'
import { Random } from '../support/random.ts'
import { until } from '../support/node.ts'
import { Cluster } from './cluster.ts'
import { TurnoverClients } from './turnover/clients.ts'
import { Copy } from './turnover/copy.ts'
import { followPages, followSnapshot, followStream, type End } from './turnover/followers.ts'
import { Laws } from './turnover/laws.ts'
import { places, stays } from './turnover/operation.ts'

const seed = Number(process.env.TURNOVER_SEED ?? Date.now() % 1_000_000)

t.test('Keys, collections, tenants and subtrees come and go under writers, readers and followers', async (t) => {
  t.comment(`again with TURNOVER_SEED=${seed}`)
  const random = new Random(seed)
  const cluster = await Cluster.start(t, 3)
  t.equal((await cluster.nodes[0]!.written('POST', '/tenants', { name: stays })).status, 201)
  await until(async () => (await Promise.all(cluster.up.map((node) => node.view()))).every(({ revision }) => revision === 1), 'the tenant')

  const end: End = { revision: Infinity }
  const followers = [
    followPages('pages of all nodes', cluster, end),
    followStream(t, 'streams of all nodes', cluster, end),
  ]
  const clients = new TurnoverClients(cluster, 6, random)
  await clients.answered(200)
  followers.push(await followSnapshot('a snapshot, and pages after it', cluster, end))
  await clients.answered(100)
  const leader = await cluster.leader()
  await leader.kill()
  await clients.answered(100)
  await leader.start()
  await clients.answered(200)
  const refused = (code: string): number => clients.count(({ kind }, result) => (
    (kind === 'put' || kind === 'batch') && result.what === 'refused' && result.code === code))
  const done = (wanted: string): number => clients.count(({ kind }, { what }) => kind === wanted && what === 'done')
  // Chance decides what the clients do: they go on until each kind was among it.
  const kinds = ['put', 'batch', 'delete', 'read', 'collection-delete', 'tenant-delete']
  const codes = ['COLLECTION_NOT_FOUND', 'TENANT_NOT_FOUND']
  await until(() => kinds.every((kind) => done(kind) > 0) && codes.every((code) => refused(code) > 0), 'every kind of operation', 90)
  await clients.stop()
  await cluster.settled()
  await cluster.checksum()

  end.revision = (await cluster.nodes[0]!.view()).revision
  await Promise.all(followers.map(({ done }) => done))
  const snapshots = await Promise.all(cluster.nodes.map(async ({ url }) => (await fetch(`${url}/snapshot`)).text()))
  const held = Copy.of(snapshots[0]!).text
  for (const [at, snapshot] of snapshots.entries()) t.equal(Copy.of(snapshot).text, held, `${cluster.nodes[at]!.name} holds the same`)
  for (const { what, copy, fault } of followers) {
    t.equal(fault, null, `${what}: every change could follow the one before`)
    t.equal(copy.text, held, `the copy that follows ${what} holds what the database does`)
  }

  const laws = new Laws(await feed(cluster, end.revision))
  for (const operation of clients.operations) {
    const fault = laws.fault(operation)
    if (fault !== null) t.fail(`${fault}: ${JSON.stringify(operation)}`)
  }
  for (const place of places) t.ok(laws.isOneCopy(place, clients.operations), `${Object.values(place).join(' ')} is linearizable`)
  t.comment(`${clients.operations.length} operations; puts ${done('put')}, deletions of collections ${done('collection-delete')}, ` +
    `of tenants ${done('tenant-delete')}; puts refused for want of a collection ${refused('COLLECTION_NOT_FOUND')}, of a tenant ${refused('TENANT_NOT_FOUND')}`)
  for (const kind of kinds) t.ok(done(kind) > 0, `${kind} was done`)
  for (const code of codes) t.ok(refused(code) > 0, `puts were refused with ${code}`)
})

/** The text of every change, as one node has them. */
async function feed (cluster: Cluster, last: number): Promise<string[]> {
  const { url } = cluster.nodes[0]!
  const texts: string[] = []
  while (texts.length < last) {
    const response = await fetch(`${url}/changes?since=${texts.length}&limit=1000`)
    const { changes } = await response.json() as { changes: object[] }
    texts.push(...changes.map((change) => JSON.stringify(change)))
  }
  return texts
}
