import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Database } from '../../storage/database.ts'
import { openRocksStore } from '../../storage/rocksdb.ts'
import { families, type Store } from '../../storage/store.ts'
import type { Operation } from '../../storage/types.ts'
import { write } from '../support/store/helpers.ts'
import { verifyStore } from '../support/verify.ts'

t.test('A batch over all families is there wholly or not at all, wherever RocksDB\'s own log ends', async (t) => {
  const directory = memoryFolder(t)
  const store = await openRocksStore(directory)
  t.teardown(() => store.close())
  await write(store, (batch) => families.forEach((family) => batch.put(family, Buffer.from('k'), Buffer.from('1'))))
  const from = logOf(directory).bytes
  await write(store, (batch) => families.forEach((family) => batch.put(family, Buffer.from('k'), Buffer.from('2'))))
  const to = logOf(directory).bytes
  t.ok(to - from > families.length * 2, `the batch takes bytes ${from} to ${to}`)

  let whole = 0
  for (let end = from; end <= to; end++) {
    await withCut(directory, end, async (cut) => {
      const values = await cut.getMany(families.map((family) => ({ family, key: Buffer.from('k') })))
      const texts = new Set(values.map(String))
      if (texts.size !== 1) t.fail(`cut at ${end}: ${values.join(' ')}`)
      if (texts.has('2')) whole++
    })
  }
  t.equal(whole, 1, 'only the whole batch counts')
})

t.test('What a write leaves in all families agrees, wherever RocksDB\'s own log ends', async (t) => {
  const directory = memoryFolder(t)
  const store = await openRocksStore(directory)
  t.teardown(() => store.close())
  const database = await Database.open(store)
  let index = 0
  const place = { tenant: 'a', collection: 'c', key: 'k' }
  const data = Buffer.from('"data"')
  const apply = async (then: Operation[]): Promise<number> => {
    const idempotency = { key: `request${++index}`, fingerprint: Buffer.alloc(16, index), expiresAt: 1_000_000 }
    const command = { kind: 'write' as const, timestamp: index, compare: [], then, idempotency }
    await database.apply([{ index, term: 1, command }])
    await database.stored()
    return logOf(directory).bytes
  }
  const ends = [
    await apply([{ type: 'tenant-create', tenant: 'a' }, { type: 'collection-create', tenant: 'a', collection: 'c' }]),
    await apply([{ type: 'put', ...place, tags: ['red'], data }]),
    await apply([{ type: 'put', ...place, tags: ['blue'], data }, { type: 'tenant-create', tenant: 'b' }]),
    await apply([{ type: 'delete', ...place }, { type: 'put', ...place, tags: ['red'], data }]),
    await apply([{ type: 'tenant-delete', tenant: 'a', recursive: true }]),
  ]

  // Every byte would take a minute. The step falls on all parts of the rows.
  for (let end = ends[0]!; end <= ends.at(-1)!; end += 11) {
    await withCut(directory, end, async (cut) => {
      const { index } = await verifyStore(cut)
      t.equal(index, ends.filter((whole) => whole <= end).length, `cut at ${end}`)
    })
  }
})

/** A folder in memory where there is such a place: these tests open it hundreds of times. */
function memoryFolder (t: Test): string {
  const path = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'changewell-families-'))
  t.teardown(() => { rmSync(path, { recursive: true, force: true }) })
  return path
}

/** The newest file of RocksDB's own log. */
function logOf (directory: string): { name: string, bytes: number } {
  const name = readdirSync(directory).filter((file) => /^[0-9]+\.log$/.test(file)).sort().at(-1)!
  return { name, bytes: statSync(join(directory, name)).size }
}

/** Opens a copy of the folder, as it is now, whose log ends early. */
async function withCut (directory: string, end: number, look: (store: Store) => Promise<void>): Promise<void> {
  const copy = `${directory}-cut`
  cpSync(directory, copy, { recursive: true })
  truncateSync(join(copy, logOf(directory).name), end)
  const store = await openRocksStore(copy)
  try {
    await look(store)
  } finally {
    await store.close()
    rmSync(copy, { recursive: true })
  }
}
