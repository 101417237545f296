import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openRocksStore } from '../../storage/rocksdb.ts'
import { families, type Family, type Store } from '../../storage/store.ts'
import { buildNode, folder } from '../support/node.ts'
import { write } from '../support/store/helpers.ts'
import { verifyFolder, verifyStore } from '../support/verify.ts'
import { fill } from './fill.ts'

t.test('The verifier agrees with what a node wrote, of all kinds', async (t) => {
  const dataDir = await filled(t)
  const { revision, texts } = await verifyFolder(dataDir)
  t.equal(texts.length, revision)
  t.ok(revision > 30)
})

t.test('The verifier sees a row that is missing, added or changed, in every family', async (t) => {
  const store = await openRocksStore(join(await filled(t), 'db'))
  t.teardown(() => store.close())
  for (const family of families.filter((family) => family !== 'meta')) {
    const rows = []
    for await (const row of store.scan(family, { start: Buffer.of(0), end: Buffer.alloc(64, 0xff) })) rows.push(row)
    for (const { key, value } of rows.filter((_, at) => at % 7 === 0)) {
      const name = `${family} ${key.toString('hex')}`
      await breaks(t, store, `${name} is missing`, { family, key, value: null }, value)
      // One that a verifier could take for a real one: the same value under another key.
      const another = Buffer.concat([key.subarray(0, -1), Buffer.of(key.at(-1)! ^ 0x40)])
      await breaks(t, store, `${name} is there twice`, { family, key: another, value }, null)
      if (value.length === 0) continue
      const changed = Buffer.concat([value.subarray(0, -1), Buffer.of(value.at(-1)! ^ 1)])
      await breaks(t, store, `${name} is changed`, { family, key, value: changed }, value)
    }
  }
  const { revision } = await verifyStore(store)
  t.ok(revision > 30, 'and nothing more when all is mended')
})

interface Damage {
  family: Family
  key: Buffer
  /** Null for no row. */
  value: Buffer | null
}

/** Breaks the store, sees that it shows, and makes the row again what it was. */
async function breaks (t: Test, store: Store, what: string, damage: Damage, was: Buffer | null): Promise<void> {
  await set(store, damage)
  await t.rejects(verifyStore(store), what)
  await set(store, { ...damage, value: was })
}

function set (store: Store, { family, key, value }: Damage): Promise<void> {
  return write(store, (batch) => value === null ? batch.delete(family, key) : batch.put(family, key, value))
}

async function filled (t: Test): Promise<string> {
  const dataDir = folder(t)
  const app = await buildNode(t, { dataDir })
  await fill(app, 1)
  await app.close()
  return dataDir
}
