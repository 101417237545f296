import type { Test } from 'tap'
import {
  families, type Batch, type Family, type Range, type Row, type ScanOptions, type Store,
} from '../../../storage/store.ts'
import { folder } from '../node.ts'

export type OpenStore = (directory: string) => Promise<Store>

/** More than a store reads at a time while it scans. */
export const manyRows = 300

export const all: Range = { start: Buffer.of(0), end: Buffer.alloc(64, 0xff) }

export async function opened (t: Test, open: OpenStore): Promise<Store> {
  const store = await open(folder(t))
  t.teardown(() => store.close())
  return store
}

export async function write (store: Store, fill: (batch: Batch) => void): Promise<void> {
  const batch = store.batch()
  fill(batch)
  await batch.write()
}

export async function scan (store: Store, family: Family, range: Range, options?: ScanOptions): Promise<Row[]> {
  const found: Row[] = []
  for await (const row of store.scan(family, range, options)) found.push(row)
  return found
}

/** A family's rows as text. */
export async function rows (store: Store, family: Family): Promise<string[]> {
  return (await scan(store, family, all)).map(({ key, value }) => `${key.toString('latin1')}=${value.toString('latin1')}`)
}

/** The value of a key in each family. */
export function valuesOf (store: Store, key: string): Promise<Array<Buffer | null>> {
  return store.getMany(families.map((family) => ({ family, key: bytes(key) })))
}

export function putEverywhere (batch: Batch, number: number): void {
  for (const family of families) batch.put(family, bytes('k'), bytes(`${number}`))
}

export function bytes (text: string): Buffer {
  return Buffer.from(text)
}
