import { decodeChange, type Change } from './change.ts'
import { changeKey, changeRange, readU64, renameTag, tagRange, tagRevision, tenantChangeRange } from './keys.ts'
import type { Family, Range, Store } from './store.ts'

/** Which changes of the global feed a reader follows; ids, so that a rename changes nothing. */
export interface Filter {
  /** 0 for all. */
  tenant: number
  /** With the tenants below it. */
  descendants: boolean
  collection: number
  key: string | null
  /** Any of these; empty for all. */
  tags: string[]
  /** Which changes the reader may see at all; null for every one. */
  sees: ((change: Change) => boolean) | null
  /** Which renames it must hear of in any case, because it may see other tenants from there on; null for none. */
  isBorder: ((change: Change) => boolean) | null
}

export const everything: Filter = {
  tenant: 0, descendants: false, collection: 0, key: null, tags: [], sees: null, isBorder: null,
}

/**
 * A change matches when it concerns what the filter names: changes inside it, and those that make or remove what holds
 * it. A follower of one key thus learns that its collection went away.
 */
export function matches (filter: Filter, change: Change): boolean {
  if (isEverything(filter)) return true
  if (filter.isBorder?.(change) === true) return true
  if (filter.sees !== null && !filter.sees(change)) return false
  const { scope } = change
  if (filter.tags.length > 0 && !filter.tags.some((tag) => scope.tags.includes(tag))) return false
  if (filter.tenant === 0) return true
  if (filter.descendants ? !scope.tenants.includes(filter.tenant) : scope.tenants.at(-1) !== filter.tenant) return false
  if (filter.collection === 0) return true
  if (scope.type.startsWith('tenant-')) return true
  if (scope.collection !== filter.collection) return false
  return filter.key === null || scope.key === filter.key || scope.type.startsWith('collection-')
}

/** Whether the filter lets every change through. */
export function isEverything ({ tenant, tags, sees }: Filter): boolean {
  return tenant === 0 && tags.length === 0 && sees === null
}

export interface PageQuery {
  /** Exclusive. */
  since: number
  /** Inclusive: the revision up to which the page looks. */
  until: number
  filter: Filter
  limit: number
  bytesMax: number
  /** A page looks at no more rows than this, whatever the filter lets through. */
  scanMax: number
}

export interface Page {
  changes: Change[]
  /** Everything up to this revision has been looked at: where the next page goes on. */
  lastRevision: number
}

/** A page of the global history in the order of revisions. */
export function readHistory (store: Store, query: PageQuery): Promise<Page> {
  return query.filter.tags.length > 0 ? readTagged(store, query) : collect(scanHistory(store, query), query)
}

/** A page of a tenant's own feed: the newest change of each key. */
export function readTenantFeed (store: Store, tenant: number, query: Omit<PageQuery, 'filter'>): Promise<Page> {
  const { since, until, limit } = query
  const rows = sized(store, 'tenant_changes', (from) => tenantChangeRange(tenant, from, until + 1), { since, limit, revisionAt: 8 })
  return collect(rows, { ...query, filter: everything })
}

/** One change, or null when the history does not hold it. */
export async function readChange (store: Store, revision: number): Promise<Change | null> {
  const row = await store.get('changes', changeKey(revision))
  return row === null ? null : decodeChange(revision, row)
}

function scanHistory (store: Store, { since, until, filter, limit }: PageQuery): AsyncGenerator<Change[]> {
  const most = isEverything(filter) ? limit : Infinity
  return sized(store, 'changes', (from) => changeRange(from, until + 1), { since, limit: most, revisionAt: 0 })
}

/** Read first, to see how large changes are here. */
const firstRows = 8

/** About how much is read at a time after that. */
const pieceBytes = 256 * 1024

interface Sizing {
  since: number
  /** No more rows than these are wanted. */
  limit: number
  /** Where in the key the revision is. */
  revisionAt: number
}

/** The changes of a range, as many at a time as are about `pieceBytes`: they may be of a few bytes or of megabytes. */
async function * sized (
  store: Store, family: Family, rangeFrom: (revision: number) => Range, { since, limit, revisionAt }: Sizing
): AsyncGenerator<Change[]> {
  let rows = Math.min(firstRows, limit)
  let revision = since
  let [left, count, bytes] = [limit, 0, 0]
  for (;;) {
    let found = 0
    for await (const piece of store.pieces(family, rangeFrom(revision + 1), { limit: rows })) {
      for (const { key, value } of piece) bytes += key.length + value.length
      found += piece.length
      revision = readU64(piece.at(-1)!.key, revisionAt)
      yield piece.map(({ key, value }) => decodeChange(readU64(key, revisionAt), value))
    }
    count += found
    left -= found
    if (found < rows || left === 0) return
    rows = Math.min(left, Math.max(1, Math.floor(pieceBytes / (bytes / count))))
  }
}

async function collect (source: AsyncIterable<Change[]>, query: PageQuery): Promise<Page> {
  const changes: Change[] = []
  let bytes = 0
  let scanned = 0
  let lastRevision = query.since
  for await (const piece of source) {
    for (const change of piece) {
      lastRevision = change.revision
      scanned++
      if (matches(query.filter, change)) {
        changes.push(change)
        bytes += change.text.length
      }
      if (changes.length === query.limit || bytes >= query.bytesMax || scanned === query.scanMax) {
        return { changes, lastRevision }
      }
    }
  }
  return { changes, lastRevision: Math.max(query.until, query.since) }
}

/** Tags have an index: the revisions of each tag are merged, and only those changes are read. */
async function readTagged (store: Store, query: PageQuery): Promise<Page> {
  const { tags, isBorder } = query.filter
  const wanted = new Set(isBorder === null ? tags : [...tags, renameTag])
  const perTag = await Promise.all([...wanted].map((tag) => readTag(store, tag, query)))
  // A tag whose rows were cut off is known only up to its last row, and so is the merge.
  const known = perTag.filter(({ cut }) => cut).map(({ revisions }) => revisions.at(-1) ?? query.since)
  const until = Math.min(query.until, ...known)
  const revisions = [...new Set(perTag.flatMap((tag) => tag.revisions))].filter((revision) => revision <= until)
  return collect(readEach(store, revisions.sort((a, b) => a - b)), { ...query, until })
}

interface TagRevisions {
  revisions: number[]
  /** There may be more after the last one. */
  cut: boolean
}

async function readTag (
  store: Store, tag: string, { since, until, limit, scanMax }: PageQuery
): Promise<TagRevisions> {
  const most = Math.min(scanMax, Math.max(limit, 1000))
  const revisions: number[] = []
  for await (const { key } of store.scan('tags', tagRange(tag, since + 1, until + 1), { limit: most })) {
    revisions.push(tagRevision(key))
  }
  return { revisions, cut: revisions.length === most }
}

/** How many changes a tagged page reads at a time. */
const readTogether = 64

async function * readEach (store: Store, revisions: number[]): AsyncGenerator<Change[]> {
  for (let at = 0; at < revisions.length; at += readTogether) {
    const wanted = revisions.slice(at, at + readTogether)
    const rows = await store.getMany(wanted.map((revision) => ({ family: 'changes', key: changeKey(revision) })))
    // A row can be gone when the history was trimmed meanwhile; the caller sees that by the first revision.
    yield wanted.flatMap((revision, place) => rows[place] == null ? [] : [decodeChange(revision, rows[place])])
  }
}
