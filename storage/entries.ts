import { decodeEntry, isLive } from './entry.ts'
import { entryKey, keysRange } from './keys.ts'
import type { RowCache } from './row-cache.ts'
import type { Store } from './store.ts'
import type { Entry } from './types.ts'

/** The current value of a key, or null. */
export async function readEntry (
  cache: RowCache, tenant: number, collection: number, key: string
): Promise<Entry | null> {
  const row = entryKey(tenant, collection, key)
  const value = await cache.load({ family: 'entries', key: row })
  return value === null || !isLive(value) ? null : decodeEntry(row, value)
}

export interface KeysQuery {
  prefix: string
  /** The key after which the page begins; null for the first page. */
  after: string | null
  limit: number
  bytesMax: number
  /** Rows of deleted keys lie between; a page looks at no more rows than this. */
  scanMax: number
}

export interface KeysPage {
  entries: Entry[]
  /** Where the next page goes on; null when this is the last one. */
  next: string | null
}

/** Live keys of a collection, in the order of their UTF-8 bytes. */
export async function readKeys (store: Store, tenant: number, collection: number, query: KeysQuery): Promise<KeysPage> {
  const entries: Entry[] = []
  let bytes = 0
  let scanned = 0
  let last: string | null = null
  for await (const { key, value } of store.scan('entries', keysRange(tenant, collection, query.prefix, query.after))) {
    if (entries.length === query.limit || bytes >= query.bytesMax || scanned === query.scanMax) {
      return { entries, next: last }
    }
    const entry = decodeEntry(key, value)
    last = entry.key
    scanned++
    if (!isLive(value)) continue
    entries.push(entry)
    bytes += value.length
  }
  return { entries, next: null }
}
