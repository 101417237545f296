import { join } from 'node:path'
import t, { type Test } from 'tap'
import { encodeFate } from '../../storage/fate.ts'
import { chunkHeadBytes } from '../../storage/outcomes.ts'
import { receiptIdBytes } from '../../storage/receipt.ts'
import { openRocksStore } from '../../storage/rocksdb.ts'
import { families, type Family, type Store } from '../../storage/store.ts'
import { buildNode, folder, until } from '../support/node.ts'
import { write } from '../support/store/helpers.ts'
import { verifyFolder, verifyStore } from '../support/verify.ts'
import { fill } from './fill.ts'

const all = { start: Buffer.of(0), end: Buffer.alloc(64, 0xff) }

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
    // What receipts tell follows from the log, not from the history: the verifier sees less of it.
    for await (const row of store.scan(family, all)) if (!isOutcomes(family, row.key)) rows.push(row)
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

t.test('The verifier sees outcomes of revisions that are not there, and rows without any', async (t) => {
  const store = await openRocksStore(join(await filled(t), 'db'))
  t.teardown(() => store.close())
  const rows = []
  for await (const row of store.scan('requests', all)) if (isOutcomes('requests', row.key)) rows.push(row)
  t.ok(rows.length > 0)
  for (const { key, value } of rows) {
    const name = key.toString('hex')
    const head = value.subarray(0, chunkHeadBytes)
    await breaks(t, store, `${name} is empty`, { family: 'requests', key, value: head }, value)
    const later = encodeFate(Buffer.alloc(receiptIdBytes), { ok: true, branch: 'then', written: [], revision: 1_000_000 })
    await breaks(t, store, `${name} tells of a revision to come`, { family: 'requests', key, value: Buffer.concat([value, later]) }, value)
    await breaks(t, store, `${name} is torn`, { family: 'requests', key, value: value.subarray(0, -1) }, value)
  }
  await verifyStore(store)
})

t.test('The verifier sees what is left of changes that are no longer kept, and what is lost of those that are', async (t) => {
  const dataDir = await filled(t)
  const { texts, revision } = await verifyFolder(dataDir)
  const before = await rowsOf(dataDir)
  const app = await buildNode(t, { dataDir })
  await app.inject({ method: 'PUT', url: '/cluster/settings', payload: { historyChanges: 10 } })
  await until(() => app.database.firstRevision === revision - 9, 'the history to go')
  await app.close()
  t.match(await verifyFolder(dataDir, texts), { texts, revision, firstRevision: revision - 9 })
  await t.rejects(verifyFolder(dataDir, texts.slice(0, 5)), /cannot be replayed/)

  const store = await openRocksStore(join(dataDir, 'db'))
  t.teardown(() => store.close())
  let gone = 0
  for (const { family, key, value } of before) {
    if (await store.get(family, key) !== null) continue
    gone++
    await set(store, { family, key, value })
    await t.rejects(verifyStore(store, texts), `${family} ${key.toString('hex')} is left`)
    await set(store, { family, key, value: null })
  }
  t.ok(gone > revision - 10, 'all changes that are gone, and tags')
  for await (const { key, value } of store.scan('changes', all)) {
    await set(store, { family: 'changes', key, value: null })
    await t.rejects(verifyStore(store, texts), `change ${key.toString('hex')} is lost`)
    await set(store, { family: 'changes', key, value })
  }
  await verifyStore(store, texts)
})

function isOutcomes (family: Family, key: Buffer): boolean {
  return family === 'requests' && key[0] === 'o'.charCodeAt(0)
}

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

/** The rows of the history and of tags. */
async function rowsOf (dataDir: string): Promise<Array<{ family: Family, key: Buffer, value: Buffer }>> {
  const store = await openRocksStore(join(dataDir, 'db'))
  const rows = []
  for (const family of ['changes', 'tags'] as const) {
    for await (const row of store.scan(family, all)) rows.push({ family, ...row })
  }
  await store.close()
  return rows
}

async function filled (t: Test): Promise<string> {
  const dataDir = folder(t)
  const app = await buildNode(t, { dataDir })
  await fill(app, 1)
  await app.close()
  return dataDir
}
