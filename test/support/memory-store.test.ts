import t from 'tap'
import { MemoryRows, MemoryStore } from './memory-store.ts'
import { all, bytes, rows, write } from './store/helpers.ts'
import { storeContract } from './store-contract.ts'

t.test('the store in memory keeps the contract', async (t) => {
  const folders = new Map<string, MemoryRows>()
  storeContract(t, async (directory) => {
    const held = folders.get(directory) ?? new MemoryRows()
    folders.set(directory, held)
    return new MemoryStore(held)
  })
})

t.test('a loss of power takes the newest batches, whole, and nothing that was flushed', async (t) => {
  const held = new MemoryRows()
  const store = new MemoryStore(held)
  await write(store, (batch) => batch.put('entries', bytes('a'), bytes('1')))
  await store.flush()
  const { checksum } = held
  await write(store, (batch) => {
    batch.put('entries', bytes('a'), bytes('2'))
    batch.put('changes', bytes('a'), bytes('2'))
    batch.deleteRange('entries', all)
  })
  await write(store, (batch) => batch.put('entries', bytes('b'), bytes('3')))
  t.same(await rows(store, 'entries'), ['b=3'])
  held.lose(1)
  t.same(await rows(store, 'entries'), [])
  t.same(await rows(store, 'changes'), ['a=2'])
  held.lose(1)
  t.same(await rows(store, 'entries'), ['a=1'])
  t.same(await rows(store, 'changes'), [])
  t.equal(held.checksum, checksum)
  t.throws(() => held.lose(1), RangeError)
})

t.test('a view and a copy stay as they were', async (t) => {
  const store = new MemoryStore()
  await write(store, (batch) => batch.put('entries', bytes('a'), bytes('1')))
  const view = await store.view()
  const copy = new MemoryStore(store.rows.copy())
  await write(store, (batch) => batch.put('entries', bytes('a'), bytes('2')))
  t.same(await view.get('entries', bytes('a')), bytes('1'))
  t.same(await copy.get('entries', bytes('a')), bytes('1'))
})
