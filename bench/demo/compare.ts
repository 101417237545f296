import type { Copy, Value } from './copy.ts'
import { dataOf, elementsOf } from './raw-json.ts'

export interface Comparison {
  collections: number
  keys: number
  /** Of data, in UTF-8. */
  bytes: number
  /** The first difference in words; null when there is none. */
  difference: string | null
}

const pageKeys = 500

/** Compares a copy with what the node answers: the same collections, the same keys in order, the same bytes of data. */
export async function compare (port: number, tenant: string, copy: Copy): Promise<Comparison> {
  const comparison: Comparison = { collections: 0, keys: 0, bytes: 0, difference: null }
  const base = `http://127.0.0.1:${port}/tenants/${encodeURIComponent(tenant)}/collections`
  const names: string[] = []
  for await (const element of pages(base)) names.push((JSON.parse(element) as { name: string }).name)
  const known = [...copy.collections.keys()].sort(byBytes)
  if (names.sort(byBytes).join('\n') !== known.join('\n')) {
    return { ...comparison, difference: `the node has the collections ${names.join(', ')}, the copy ${known.join(', ')}` }
  }
  for (const name of names) {
    const values = copy.collections.get(name)!
    const keys = [...values.keys()].sort(byBytes)
    let at = 0
    for await (const element of pages(`${base}/${encodeURIComponent(name)}/keys`)) {
      const key = keys[at++]
      const difference = differenceOf(element, key, key === undefined ? undefined : values.get(key))
      if (difference !== null) return { ...comparison, difference: `in ${name}: ${difference}` }
      comparison.keys++
      comparison.bytes += Buffer.byteLength(dataOf(element)!)
    }
    if (at !== keys.length) return { ...comparison, difference: `in ${name}: the node has no ${keys[at]}, the copy has` }
    comparison.collections++
  }
  return comparison
}

function differenceOf (element: string, key: string | undefined, value: Value | undefined): string | null {
  const found = JSON.parse(element) as { key: string, revision: number }
  if (found.key !== key) return `the node has ${found.key} where the copy has ${key ?? 'nothing more'}`
  if (found.revision !== value?.revision) return `${key} is of revision ${found.revision}, in the copy of ${value?.revision}`
  if (dataOf(element) !== value.data) return `${key} is ${dataOf(element)}, in the copy ${value.data}`
  return null
}

/** The elements of a listing as they came, page after page. */
async function * pages (url: string): AsyncGenerator<string> {
  for (let after: string | null = '', first = true; after !== null; first = false) {
    const query: string = first ? '' : `&after=${encodeURIComponent(after)}`
    const response = await fetch(`${url}?limit=${pageKeys}${query}`)
    const text = await response.text()
    if (!response.ok) throw new Error(`GET ${url} was answered ${response.status}: ${text}`)
    yield * elementsOf(text)
    after = (JSON.parse(text) as { next: string | null }).next
  }
}

/** The order of keys: that of their UTF-8 bytes. */
function byBytes (a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
