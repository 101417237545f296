import t from 'tap'
import { Database } from '../../../storage/database.ts'
import { openRocksStore } from '../../../storage/rocksdb.ts'
import type { Command, Outcome, WriteCommand } from '../../../storage/types.ts'

const write: WriteCommand = {
  kind: 'write',
  timestamp: 1000,
  idempotency: { key: 'retried', fingerprint: Buffer.alloc(16, 1), expiresAt: 10_000 },
  compare: [],
  then: [{ type: 'tenant-create', tenant: 'a' }],
}

async function apply (database: Database, ...commands: Command[]): Promise<Array<Outcome | null>> {
  const first = database.applied.index + 1
  return await database.apply(commands.map((command, at) => ({ index: first + at, term: 1, command })))
}

t.test('Mistake 14: a retry is recognised by its key, which the state machine keeps', async (t) => {
  const path = t.testdir()
  let database = await Database.open(await openRocksStore(path))
  // A leader was lost between the commit and the answer: so the same write comes to another, and is in the log twice.
  const [first, again] = await apply(database, write, { ...write, timestamp: 2000 })
  t.match(first, { ok: true, revision: 1 })
  t.same(again, first, 'it happened once, and the answer is the same')
  t.equal(database.revision, 1)

  await database.close()
  database = await Database.open(await openRocksStore(path))
  t.same(await apply(database, { ...write, timestamp: 3000 }), [first], 'also when the node was restarted since')

  // Compaction of the history takes the change away, and not what is known of the request.
  await apply(database, { kind: 'write', timestamp: 3500, compare: [], then: [{ type: 'put', data: Buffer.from('1') }] })
  await apply(database, { kind: 'trim', timestamp: 4000, firstRevision: 2 })
  t.same(await apply(database, { ...write, timestamp: 5000 }), [first], 'and when its change is forgotten')
  t.match(await apply(database, {
    ...write, timestamp: 6000, idempotency: { ...write.idempotency!, fingerprint: Buffer.alloc(16, 2) },
  }), [{ ok: false }], 'another request under the key is not taken for it')
  t.equal(database.revision, 2)
  await database.close()
})
