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
  const preferred = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?(?=$|[,;\s])/i.exec(prefer ?? '')?.[1]
  if (block === undefined && preferred !== undefined) return Math.min(Number(preferred), secondsMax)
  if (block !== undefined && block > secondsMax) throw invalid('block', `must be at most ${secondsMax} seconds (CHANGEWELL_BLOCK_SECONDS_MAX)`)
  return block ?? 0
}

/**
 * How the reader wants the feed: a page, or a stream. The first acceptable type of the header wins; parameters do not
 * count, and q=0 excludes (RFC 9110, section 12.5.1).
 *
 * @throws Problem NOT_ACCEPTABLE when it takes none of them.
 */
export function framingOf (accept: string | undefined): Framing | 'page' {
  if (accept === undefined || accept.trim() === '') return 'page'
  const wanted = accept.split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase())
    const q = parameters.find((parameter) => parameter.startsWith('q='))
    return { type, q: q === undefined ? 1 : Number(q.slice(2)) }
  })
  for (const { type } of wanted.filter(({ q }) => q > 0).sort((a, b) => b.q - a.q)) {
    const framing = framings.get(type)
    if (framing !== undefined) return framing
  }
  throw new Problem('NOT_ACCEPTABLE', { accept })
}

const framings = new Map<string, Framing | 'page'>([
  ['application/json', 'page'],
  ['application/*', 'page'],
  ['*/*', 'page'],
  ['text/event-stream', 'sse'],
  ['text/*', 'sse'],
  ['application/x-ndjson', 'ndjson'],
])

function invalid (field: string, reason: string): Problem {
  return new Problem('INVALID_FIELD', { field, reason })
}
