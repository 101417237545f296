import type { ImageRow } from './image.ts'
import { everyKey, metaKeys } from './keys.ts'
import { families, type Store } from './store.ts'

const nothing = Buffer.alloc(0)

/**
 * Replaces all that a store holds by the rows of an image. Before the first row is touched a row is flushed which says
 * that the content is torn, and it goes in the same batch in which the rows of `meta` come, after all others are
 * flushed. So whatever ends the process or the power, nobody takes a mixture for whole.
 *
 * @throws ImageError, or the store's error: the store is then torn
 */
export async function restoreRows (store: Store, rows: AsyncIterable<ImageRow[]>): Promise<void> {
  const mark = store.batch()
  mark.put('meta', metaKeys.torn, nothing)
  await mark.write()
  await store.flush()
  const clear = store.batch()
  for (const family of families) clear.deleteRange(family, everyKey)
  clear.put('meta', metaKeys.torn, nothing)
  await clear.write()
  const meta: ImageRow[] = []
  for await (const some of rows) {
    const batch = store.batch()
    for (const row of some) {
      if (row.family === 'meta') meta.push(row)
      else batch.put(row.family, row.key, row.value)
    }
    await batch.write()
  }
  await store.flush()
  const last = store.batch()
  for (const { key, value } of meta) last.put('meta', key, value)
  last.delete('meta', metaKeys.torn)
  await last.write()
  await store.flush()
}
