import t from 'tap'
import { Database } from '../../storage/database.ts'
import { everything, readHistory } from '../../storage/history.ts'
import type { Family, Range, Row, ScanOptions } from '../../storage/store.ts'
import { MemoryStore } from '../support/memory-store.ts'

const mega = Buffer.from(`"${'x'.repeat(1024 * 1024)}"`)

/** A store that counts the bytes that scans take out of it. */
class CountingStore extends MemoryStore {
  bytes = 0

  override async * pieces (family: Family, range: Range, options?: ScanOptions): AsyncIterable<Row[]> {
    for await (const rows of super.pieces(family, range, options)) {
      for (const { value } of rows) this.bytes += value.length
      yield rows
    }
  }
}

t.test('A page of large changes takes little more from the disk than it gives', async (t) => {
  const store = new CountingStore()
  const database = await Database.open(store)
  for (let index = 1; index <= 100; index++) {
    const command = { kind: 'write' as const, timestamp: 1, compare: [], then: [{ type: 'put' as const, data: mega }] }
    await database.apply([{ index, term: 1, command }])
  }
  await database.stored()
  const page = (limit: number, bytesMax: number) => readHistory(store, {
    since: 0, until: 100, filter: everything, limit, bytesMax, scanMax: 1000,
  })
  t.equal((await page(200, 64 * 1024)).changes.length, 1)
  t.ok(store.bytes < 10 * mega.length, `${store.bytes} bytes for one change`)
  store.bytes = 0
  t.equal((await page(1, 64 * 1024)).changes.length, 1)
  t.ok(store.bytes < 2 * mega.length, `${store.bytes} bytes where one change was asked for`)
  store.bytes = 0
  t.equal((await page(1000, 20 * mega.length)).changes.length, 20)
  t.ok(store.bytes < 23 * mega.length, `${store.bytes} bytes for twenty changes`)
  const { changes, lastRevision } = await page(1000, Infinity)
  t.same(changes.map(({ revision }) => revision), Array.from({ length: 100 }, (_, at) => at + 1))
  t.equal(lastRevision, 100)
})
