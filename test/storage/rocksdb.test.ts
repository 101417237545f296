import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openRocksStore } from '../../storage/rocksdb.ts'
import { folder } from '../support/node.ts'
import { write } from '../support/store/helpers.ts'
import { storeContract } from '../support/store-contract.ts'

t.test('The RocksDB store keeps the contract', async (t) => {
  storeContract(t, openRocksStore)
})

t.test('A folder is made with those above it', async (t) => {
  const store = await openRocksStore(join(folder(t), 'a', 'b', 'db'))
  await store.close()
})

t.test('A folder that is open is refused, and left as it was', async (t) => {
  const directory = folder(t)
  const first = await openRocksStore(directory)
  t.teardown(() => first.close())
  await t.rejects(openRocksStore(directory), {
    code: 'DATA_DIR_LOCKED', message: /Another process has .* open\. Stop it, or .*CHANGEWELL_DATA_DIR/,
  })
  await write(first, (batch) => batch.put('meta', Buffer.from('k'), Buffer.from('v')))
  t.same(await first.get('meta', Buffer.from('k')), Buffer.from('v'))
  await first.close()
  const second = await openRocksStore(directory)
  t.same(await second.get('meta', Buffer.from('k')), Buffer.from('v'))
  await second.close()
})

t.test('A folder that cannot be one is refused with what to do', async (t) => {
  const file = join(folder(t), 'file')
  writeFileSync(file, 'here')
  await t.rejects(openRocksStore(file), { code: 'DATA_DIR_UNUSABLE', message: /cannot be made .*CHANGEWELL_DATA_DIR/ })
  await t.rejects(openRocksStore(join(file, 'db')), { code: 'DATA_DIR_UNUSABLE' })
  t.equal(readFileSync(file, 'utf8'), 'here')
})

t.test('A damaged folder is refused and never repaired by guess', async (t) => {
  const damages: Array<[what: string, damage: (directory: string) => void]> = [
    ['a CURRENT of nonsense', (directory) => writeFileSync(join(directory, 'CURRENT'), 'nonsense')],
    ['an empty CURRENT', (directory) => truncateSync(join(directory, 'CURRENT'), 0)],
    ['a CURRENT that names no file', (directory) => writeFileSync(join(directory, 'CURRENT'), 'MANIFEST-999999\n')],
    ['a missing CURRENT', (directory) => rmSync(join(directory, 'CURRENT'))],
    ['a missing manifest', (directory) => rmSync(fileOf(directory, /^MANIFEST-/))],
    ['an empty manifest', (directory) => truncateSync(fileOf(directory, /^MANIFEST-/), 0)],
    ['a missing table', (directory) => rmSync(fileOf(directory, /\.sst$/))],
    ['a table that ends early', (directory) => {
      const table = fileOf(directory, /\.sst$/)
      truncateSync(table, statSync(table).size - 1)
    }],
  ]
  for (const [what, damage] of damages) {
    const directory = folder(t)
    const store = await openRocksStore(directory)
    await write(store, (batch) => batch.put('entries', Buffer.from('k'), Buffer.from('v')))
    await store.flush()
    await store.close()
    damage(directory)
    await t.rejects(openRocksStore(directory), {
      code: 'DATA_DIR_UNUSABLE', message: /cannot be opened .*restored from a backup/,
    }, what)
  }
})

t.test('An opening that failed does not keep the next one out', async (t) => {
  const directory = folder(t)
  const store = await openRocksStore(directory)
  await store.close()
  const current = readFileSync(join(directory, 'CURRENT'))
  writeFileSync(join(directory, 'CURRENT'), 'nonsense')
  await t.rejects(openRocksStore(directory), { code: 'DATA_DIR_UNUSABLE' })
  writeFileSync(join(directory, 'CURRENT'), current)
  await (await openRocksStore(directory)).close()
})

function fileOf (directory: string, pattern: RegExp): string {
  const name = readdirSync(directory).find((name) => pattern.test(name))
  if (name === undefined) throw new Error(`no ${pattern} in ${readdirSync(directory).join(' ')}`)
  return join(directory, name)
}
