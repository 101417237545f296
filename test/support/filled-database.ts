import { Database, type Applied } from '../../storage/database.ts'
import { imageOf } from '../../storage/image.ts'
import { everyKey } from '../../storage/keys.ts'
import { families, type Store } from '../../storage/store.ts'
import type { Command } from '../../storage/types.ts'

/** Commands that give every family some rows: tenants, keys, tags, requests, nodes, settings, a configuration. */
export function someCommands (keys: number, data = 'x'.repeat(100)): Array<Command | 'configuration'> {
  const place = { tenant: 'a', collection: 'c' }
  return [
    { kind: 'bootstrap', timestamp: 1000, clusterId: '0123456789abcdef' },
    'configuration',
    { kind: 'node', timestamp: 1001, id: 'n1', role: 'voter', peerAddress: 'h:1', apiAddress: 'h:2' },
    { kind: 'settings', timestamp: 1002, settings: { historyChanges: 1000, heartbeatMs: 20, electionMs: 300, webhooks: [] } },
    {
      kind: 'write',
      timestamp: 1003,
      compare: [],
      then: [{ type: 'tenant-create', tenant: 'a' }, { type: 'collection-create', tenant: 'a', collection: 'c' }],
    },
    ...Array.from({ length: keys }, (_, at): Command => ({
      kind: 'write',
      timestamp: 1004 + at,
      idempotency: { key: `request${at}`, fingerprint: Buffer.alloc(16, at), expiresAt: 1e9 },
      compare: [],
      then: [{ type: 'put', ...place, key: `k${at}`, tags: ['red'], data: Buffer.from(JSON.stringify(data)) }],
    })),
  ]
}

/** Applies commands after those before; `configuration` makes the node `n1` the only voter. */
export async function applyAll (database: Database, commands: Array<Command | 'configuration'>): Promise<void> {
  const first = database.applied.index + 1
  await database.apply(commands.map((command, at): Applied => command === 'configuration'
    ? { index: first + at, term: 3, command: null, configuration: { bytes: Buffer.from('bytes'), voters: ['n1'], learners: [] } }
    : { index: first + at, term: 3, command }))
  await database.stored()
}

export async function filled (store: Store, keys: number, data?: string): Promise<Database> {
  const database = await Database.open(store)
  await applyAll(database, someCommands(keys, data))
  return database
}

/** The image of what a database holds now, in its chunks. */
export async function imageChunks (database: Database): Promise<Buffer[]> {
  const chunks: Buffer[] = []
  for await (const chunk of (await imageOf(await database.store.view())).chunks) chunks.push(chunk)
  return chunks
}

export async function * streamed (chunks: Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield * chunks
}

/** Every row of a store as text. */
export async function allRows (store: Pick<Store, 'scan'>): Promise<string[]> {
  const rows: string[] = []
  for (const family of families) {
    for await (const { key, value } of store.scan(family, everyKey)) {
      rows.push(`${family} ${key.toString('hex')} ${value.toString('hex')}`)
    }
  }
  return rows
}
