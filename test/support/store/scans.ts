import type { Test } from 'tap'
import type { Range, ScanOptions } from '../../../storage/store.ts'
import { all, bytes, manyRows, opened, scan, write, type OpenStore } from './helpers.ts'

/** Reading ranges. */
export function scans (t: Test, open: OpenStore): void {
  t.test('A scan goes in the order of bytes, from the start and up to the end, and backwards', async (t) => {
    const store = await opened(t, open)
    const keys = [Buffer.of(0), Buffer.of(0, 0), Buffer.of(1), bytes('a'), bytes('aa'), bytes('b'), bytes('é'), Buffer.of(255), Buffer.of(255, 255)]
    await write(store, (batch) => {
      for (const key of [...keys].reverse()) batch.put('changes', key, key)
    })
    const found = async (range: Range, options?: ScanOptions): Promise<string[]> => {
      return (await scan(store, 'changes', range, options)).map(({ key }) => key.toString('latin1'))
    }
    const names = keys.map((key) => key.toString('latin1'))
    t.same(await found(all), names)
    t.same(await found(all, { reverse: true }), [...names].reverse())
    t.same(await found({ start: bytes('a'), end: bytes('b') }), ['a', 'aa'])
    t.same(await found({ start: bytes('a'), end: bytes('b') }, { reverse: true }), ['aa', 'a'])
    t.same(await found({ start: bytes('a'), end: bytes('a') }), [])
    t.same(await found({ start: bytes('ab'), end: bytes('aba') }), [])
    t.same(await found({ start: bytes('a'), end: bytes('c') }, { limit: 2 }), ['a', 'aa'])
    t.same(await found({ start: bytes('a'), end: bytes('c') }, { reverse: true, limit: 2 }), ['b', 'aa'])
  })

  t.test('A scan gives as many rows as there are or as its limit says, however many that is', async (t) => {
    const store = await opened(t, open)
    await write(store, (batch) => {
      for (let at = 0; at < manyRows; at++) batch.put('tags', Buffer.of(1, at >> 8, at & 255), Buffer.alloc(0))
    })
    for (const limit of [0, 1, 2, 63, 64, 65, 127, 128, 129, manyRows - 1, manyRows, manyRows + 1]) {
      for (const reverse of [false, true]) {
        const found = await scan(store, 'tags', all, { limit, reverse })
        t.equal(found.length, Math.min(limit, manyRows), `limit ${limit}, ${reverse ? 'backwards' : 'forwards'}`)
      }
    }
    t.equal((await scan(store, 'tags', all)).length, manyRows)
  })

  t.test('A scan shows the rows as they were when it began', async (t) => {
    const store = await opened(t, open)
    const key = (at: number): Buffer => Buffer.of(at >> 8, at & 255)
    await write(store, (batch) => {
      for (let at = 0; at < manyRows; at++) batch.put('entries', key(at), bytes('old'))
    })
    const found: string[] = []
    for await (const { value } of store.scan('entries', all)) {
      if (found.length === 0) {
        await write(store, (batch) => {
          batch.deleteRange('entries', { start: key(100), end: key(200) })
          for (let at = 200; at < manyRows + 50; at++) batch.put('entries', key(at), bytes('new'))
        })
      }
      found.push(value.toString())
    }
    t.equal(found.length, manyRows)
    t.ok(found.every((value) => value === 'old'))
  })

  t.test('A scan may be left early, and the store closes all the same', async (t) => {
    const store = await opened(t, open)
    await write(store, (batch) => {
      for (let at = 0; at < manyRows; at++) batch.put('entries', Buffer.of(at >> 8, at & 255), bytes('v'))
    })
    for (let round = 0; round < 20; round++) {
      let seen = 0
      for await (const { key } of store.scan('entries', all)) {
        seen++
        if (seen <= round * 10) continue
        t.equal(key[1], round * 10 & 255)
        break
      }
    }
    await store.close()
  })
}
