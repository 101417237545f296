import type { Test } from 'tap'
import { families } from '../../../storage/store.ts'
import { all, bytes, opened, putEverywhere, rows, scan, valuesOf, write, type OpenStore } from './helpers.ts'

/** Writing: all of a batch, in its order, in every family, or nothing. */
export function batches (t: Test, open: OpenStore): void {
  t.test('A batch takes effect when it is written, in every family, and not before', async (t) => {
    const store = await opened(t, open)
    const batch = store.batch()
    for (const family of families) batch.put(family, bytes('k'), bytes(family))
    t.same(await valuesOf(store, 'k'), families.map(() => null))
    await batch.write()
    t.same(await valuesOf(store, 'k'), families.map((family) => bytes(family)))
    const removal = store.batch()
    for (const family of families) removal.delete(family, bytes('k'))
    await removal.write()
    t.same(await valuesOf(store, 'k'), families.map(() => null))
  })

  t.test('A batch that is given up leaves nothing and does not keep the store from closing', async (t) => {
    const store = await opened(t, open)
    store.batch().put('meta', bytes('k'), bytes('v'))
    t.equal(await store.get('meta', bytes('k')), null)
    await store.close()
  })

  t.test('Readers amid writers never see a part of a batch', async (t) => {
    const store = await opened(t, open)
    const writer = (async () => {
      for (let number = 0; number < 300; number++) await write(store, (batch) => putEverywhere(batch, number))
    })()
    let last = -1
    while (last < 299) {
      const values = (await valuesOf(store, 'k')).map((value) => value === null ? -1 : Number(value))
      if (values.some((value) => value !== values[0])) t.fail(`one batch, but ${values.join(' ')}`)
      if (values[0]! < last) t.fail(`${values[0]} after ${last}`)
      last = values[0]!
    }
    await writer
    t.same(await valuesOf(store, 'k'), families.map(() => bytes('299')))
  })

  t.test('Operations of a batch take effect in the order in which they were added', async (t) => {
    const store = await opened(t, open)
    await write(store, (batch) => {
      for (const family of families) {
        batch.put(family, bytes('a'), bytes('1'))
        batch.put(family, bytes('a'), bytes('2'))
        batch.put(family, bytes('b'), bytes('1'))
        batch.delete(family, bytes('b'))
        batch.delete(family, bytes('c'))
        batch.put(family, bytes('c'), bytes('1'))
        batch.put(family, bytes('d'), bytes('1'))
        batch.deleteRange(family, { start: bytes('d'), end: bytes('f') })
        batch.put(family, bytes('e'), bytes('1'))
      }
    })
    for (const family of families) t.same(await rows(store, family), ['a=2', 'c=1', 'e=1'], family)
  })

  t.test('A range is removed from its start up to its end, in its own family only', async (t) => {
    const store = await opened(t, open)
    const names = ['a', 'b', 'b\0', 'bb', 'c', 'd']
    await write(store, (batch) => {
      for (const family of families) for (const name of names) batch.put(family, bytes(name), bytes(name))
    })
    await write(store, (batch) => {
      batch.deleteRange('entries', { start: bytes('b'), end: bytes('d') })
      batch.deleteRange('tags', { start: bytes('b'), end: bytes('b') })
    })
    t.same(await rows(store, 'entries'), ['a=a', 'd=d'])
    for (const family of families.filter((family) => family !== 'entries')) {
      t.equal((await rows(store, family)).length, names.length, family)
    }
    await write(store, (batch) => batch.put('entries', bytes('b'), bytes('again')))
    t.same(await rows(store, 'entries'), ['a=a', 'b=again', 'd=d'])
  })

  t.test('Batches that are written side by side all take effect', async (t) => {
    const store = await opened(t, open)
    await Promise.all(Array.from({ length: 200 }, (_, at) => write(store, (batch) => {
      batch.put('entries', bytes(`k${at}`), bytes('v'))
      batch.put('changes', bytes(`k${at}`), bytes('v'))
    })))
    t.equal((await scan(store, 'entries', all)).length, 200)
    t.equal((await scan(store, 'changes', all)).length, 200)
  })
}
