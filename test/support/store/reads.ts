import type { Test } from 'tap'
import { families, type Row } from '../../../storage/store.ts'
import { all, bytes, manyRows, opened, scan, write, type OpenStore } from './helpers.ts'

/** Reading by key, one or many. */
export function reads (t: Test, open: OpenStore): void {
  t.test('Values come back as they were, also those of no bytes and of a million', async (t) => {
    const store = await opened(t, open)
    const values = [Buffer.alloc(0), Buffer.of(0), Buffer.from([255, 0, 128, 10]), Buffer.alloc(1_000_000, 'long')]
    await write(store, (batch) => values.forEach((value, at) => batch.put('entries', Buffer.of(at), value)))
    for (const [at, value] of values.entries()) {
      t.ok((await store.get('entries', Buffer.of(at)))?.equals(value), `value ${at} by get`)
    }
    const scanned = await scan(store, 'entries', all)
    t.ok(scanned.every(({ value }, at) => value.equals(values[at]!)), 'all by scan')
  })

  t.test('Reads of one turn each get their own value, the same key twice and none at all included', async (t) => {
    const store = await opened(t, open)
    await write(store, (batch) => {
      for (let at = 0; at < 50; at++) batch.put(families[at % families.length]!, bytes(`k${at}`), bytes(`v${at}`))
    })
    const places = Array.from({ length: 200 }, (_, at) => at * 7 % 60)
    const found = await Promise.all(places.map((at) => store.get(families[at % families.length]!, bytes(`k${at}`))))
    t.same(found, places.map((at) => at < 50 ? bytes(`v${at}`) : null))
    const wrongFamily = await Promise.all(places.map((at) => store.get(families[(at + 1) % families.length]!, bytes(`k${at}`))))
    t.ok(wrongFamily.every((value) => value === null))
  })

  t.test('Many values come in the order of their keys', async (t) => {
    const store = await opened(t, open)
    t.same(await store.getMany([]), [])
    await write(store, (batch) => {
      for (let at = 0; at < manyRows; at++) batch.put(families[at % families.length]!, bytes(`k${at}`), bytes(`v${at}`))
    })
    const places = Array.from({ length: manyRows * 2 }, (_, at) => at * 101 % (manyRows + 20))
    const found = await store.getMany(places.map((at) => ({ family: families[at % families.length]!, key: bytes(`k${at}`) })))
    t.same(found, places.map((at) => at < manyRows ? bytes(`v${at}`) : null))
  })

  t.test('A write that has resolved is seen by every read begun after it', async (t) => {
    const store = await opened(t, open)
    await Promise.all(Array.from({ length: 40 }, async (_, writer) => {
      const key = bytes(`w${writer}`)
      for (let number = 0; number < 10; number++) {
        await write(store, (batch) => batch.put('entries', key, bytes(`${number}`)))
        const [one, [many], scanned] = await Promise.all([
          store.get('entries', key),
          store.getMany([{ family: 'entries', key }]),
          scan(store, 'entries', { start: key, end: Buffer.concat([key, Buffer.of(0)]) }),
        ])
        t.same([one, many, scanned[0]?.value], Array(3).fill(bytes(`${number}`)))
      }
    }))
  })

  t.test('a read waits for the batches on their way, however it reads', async (t) => {
    const store = await opened(t, open)
    const key = bytes('k')
    for (let number = 0; number < 50; number++) {
      const values = [`${number} first`, `${number} second`]
      const writes = values.map((value) => write(store, (batch) => batch.put('entries', key, bytes(value))))
      const view = store.view()
      const [one, [many], scanned] = await Promise.all([
        store.get('entries', key), store.getMany([{ family: 'entries', key }]), scan(store, 'entries', all),
      ])
      t.same([one, many, scanned[0]?.value, await (await view).get('entries', key)], Array(4).fill(bytes(values[1]!)))
      await (await view).release()
      await Promise.all(writes)
    }
  })

  t.test('A view gives the same rows by pieces as by a scan, as they were when it was made', async (t) => {
    const store = await opened(t, open)
    await write(store, (batch) => {
      for (let at = 0; at < manyRows; at++) batch.put('changes', Buffer.of(at >> 8, at & 255), bytes(`v${at}`))
    })
    const expected = await scan(store, 'changes', all)
    const view = await store.view()
    await write(store, (batch) => batch.deleteRange('changes', all))
    for (const options of [{}, { limit: 7, reverse: true }]) {
      const rows: Row[] = []
      for await (const piece of view.pieces('changes', all, options)) rows.push(...piece)
      t.same(rows, options.reverse === true ? [...expected].reverse().slice(0, 7) : expected)
    }
    await view.release()
  })

  t.test('pieces are the rows of a scan, in its order', async (t) => {
    const store = await opened(t, open)
    await write(store, (batch) => {
      for (let at = 0; at < manyRows; at++) batch.put('changes', Buffer.of(at >> 8, at & 255), bytes(`v${at}`))
    })
    for (const options of [{}, { limit: 1 }, { limit: manyRows - 1, reverse: true }]) {
      const pieces: Row[][] = []
      for await (const piece of store.pieces('changes', all, options)) pieces.push(piece)
      t.same(pieces.flat(), await scan(store, 'changes', all, options))
      t.ok(pieces.every((piece) => piece.length > 0), 'none is empty')
    }
  })
}
