import type { Catalog } from '../../storage/catalog.ts'
import { everything, type Filter } from '../../storage/history.ts'
import { Problem } from '../../storage/problem.ts'
import type { Framing } from './tail.ts'

export interface FilterQuery {
  tenant?: string
  descendants?: boolean
  collection?: string
  key?: string
  tag?: string[]
}

/**
 * The filter that a query asks for, by ids.
 *
 * @throws Problem TENANT_NOT_FOUND, COLLECTION_NOT_FOUND; INVALID_FIELD when a part needs another that is missing.
 */
export function filterOf (catalog: Catalog, { tenant, descendants, collection, key, tag }: FilterQuery): Filter {
  const tags = tag ?? []
  if (collection !== undefined && tenant === undefined) throw invalid('collection', 'needs tenant beside it')
  if (key !== undefined && collection === undefined) throw invalid('key', 'needs tenant and collection beside it')
  if (descendants === true && tenant === undefined) throw invalid('descendants', 'needs tenant beside it')
  if (descendants === true && collection !== undefined) {
    throw invalid('descendants', 'cannot be combined with collection, which is of one tenant only')
  }
  if (tenant === undefined) return { ...everything, tags }
  const node = catalog.tenant(tenant)
  if (node === null) throw new Problem('TENANT_NOT_FOUND', { tenant })
  const row = collection === undefined ? null : catalog.collection(node, collection)
  if (collection !== undefined && row === null) throw new Problem('COLLECTION_NOT_FOUND', { tenant: node.name, collection })
  return {
    ...everything, tenant: node.id, descendants: descendants === true, collection: row?.id ?? 0, key: key ?? null, tags,
  }
}

/** The problem with a filter by ids whose tenant or collection has been deleted since; null when both are there. */
export function missingOf (catalog: Catalog, filter: Filter, { tenant = '', collection = '' }: FilterQuery): Problem | null {
  const node = catalog.tenantById(filter.tenant)
  if (node === null) return new Problem('TENANT_NOT_FOUND', { tenant })
  // One of the same name made since has another id.
  if (filter.collection === 0 || catalog.collection(node, collection)?.id === filter.collection) return null
  return new Problem('COLLECTION_NOT_FOUND', { tenant: node.name, collection })
}

/**
 * Where a reader goes on: `Last-Event-ID` wins over `since`, because a browser that reconnects sends both.
 *
 * @throws Problem INVALID_FIELD; REVISION_AHEAD for a revision that this database has not reached.
 */
export function sinceOf (since: string | undefined, lastEventId: string | undefined, revision: number): number {
  const [field, text] = lastEventId === undefined ? ['since', since] : ['last-event-id', lastEventId]
  if (text === undefined) return 0
  if (text === 'now') return revision
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text) || !Number.isSafeInteger(Number(text))) {
    throw invalid(field ?? '', 'must be a revision (a whole number from 0) or `now`')
  }
  const value = Number(text)
  if (value > revision) throw new Problem('REVISION_AHEAD', { since: value, revision })
  return value
}

/** Seconds that a reader is ready to wait: `block`, or `Prefer: wait=` (RFC 7240, section 4.3). */
export function waitOf (block: number | undefined, prefer: string | undefined, secondsMax: number): number {
  const preferred = /(?:^|[,;\s])wait\s*=\s*"?(\d+)"?(?=$|[,;\s])/i.exec(prefer ?? '')?.[1]
  if (block === undefined && preferred !== undefined) return Math.min(Number(preferred), secondsMax)
  if (block !== undefined && block > secondsMax) throw invalid('block', `must be at most ${secondsMax} seconds (CHANGEWELL_BLOCK_SECONDS_MAX)`)
  return block ?? 0
}

/**
 * How the reader wants the feed: a page, or a stream. For each of them the most specific range of the header counts,
 * and q=0 excludes; of those with the highest q the first of the header wins. Other parameters do not count (RFC 9110,
 * section 12.5.1).
 *
 * @throws Problem NOT_ACCEPTABLE when it takes none of them.
 */
export function framingOf (accept: string | undefined): Framing | 'page' {
  if (accept === undefined) return 'page'
  const ranges = accept.split(',').map(rangeOf).filter(({ type }) => type !== '')
  if (ranges.length === 0) return 'page'
  let best: { framing: Framing | 'page', q: number, at: number } | null = null
  for (const [type, framing] of framings) {
    const names = [type, `${type.split('/', 1)[0]}/*`, '*/*']
    const range = names.map((name) => ranges.find((each) => each.type === name)).find((found) => found !== undefined)
    if (range === undefined || !(range.q > 0)) continue
    const at = ranges.indexOf(range)
    if (best === null || range.q > best.q || (range.q === best.q && at < best.at)) best = { framing, q: range.q, at }
  }
  if (best === null) throw new Problem('NOT_ACCEPTABLE', { accept })
  return best.framing
}

function rangeOf (part: string): { type: string, q: number } {
  const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase())
  const q = parameters.find((parameter) => parameter.startsWith('q='))
  return { type, q: q === undefined ? 1 : Number(q.slice(2)) }
}

/** What a wider range means first stands first. */
const framings: Array<[type: string, framing: Framing | 'page']> = [
  ['application/json', 'page'],
  ['text/event-stream', 'sse'],
  ['application/x-ndjson', 'ndjson'],
]

function invalid (field: string, reason: string): Problem {
  return new Problem('INVALID_FIELD', { field, reason })
}
