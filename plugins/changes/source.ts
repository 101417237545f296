import type { Change } from '../../storage/change.ts'
import type { Database } from '../../storage/database.ts'
import { isEverything, matches, readHistory, readTenantFeed, type Filter, type Page } from '../../storage/history.ts'
import { Problem } from '../../storage/problem.ts'
import type { Tail } from './tail.ts'

/** What a reader follows: the global history through a filter, or one tenant's own feed. */
export interface Source {
  /** It lets every change through. */
  isEverything: boolean
  /** Whether a change at the live end belongs to it. */
  matches: (change: Change) => boolean
  /** Why nothing can follow any more once all up to now is read: what the reader asked for was deleted. Else null. */
  over: () => Problem | null
  /** Nothing of it is older. */
  readonly firstRevision: number
  /**
   * Refuses a place to begin at that the history no longer reaches.
   *
   * @throws Problem HISTORY_GONE when changes after `since` have been trimmed away: a reader must know of a gap.
   */
  assertWhole: (since: number) => void
  /**
   * The changes after `since`, up to the database's revision. A page ends after `bytesMax` at the latest.
   *
   * @throws Problem HISTORY_GONE
   */
  read: (since: number, limit: number, bytesMax?: number) => Promise<Page>
}

export interface ReadLimits {
  pageBytesMax: number
  pageScanMax: number
}

/** The global history. `missing` is the problem with what the filter names, when that is there no longer. */
export function historySource (
  database: Database, tail: Tail, filter: Filter, missing: () => Problem | null, limits: ReadLimits
): Source {
  const isMatch = (change: Change): boolean => matches(filter, change)
  const assertWhole = (since: number): void => {
    const { firstRevision } = database
    if (since + 1 < firstRevision) throw new Problem('HISTORY_GONE', { firstRevision })
  }
  return {
    isEverything: isEverything(filter),
    matches: isMatch,
    over: () => filter.tenant !== 0 && tail.lastRevision === database.revision ? missing() : null,
    get firstRevision () { return database.firstRevision },
    assertWhole,
    async read (since, limit, bytesMax = limits.pageBytesMax) {
      assertWhole(since)
      if (tail.covers(since)) return readTail(tail, since, limit, { ...limits, pageBytesMax: bytesMax }, isMatch)
      const page = await readHistory(database.store, {
        since, until: tail.lastRevision, filter, limit, bytesMax, scanMax: limits.pageScanMax,
      })
      // The history may have been trimmed while it was read.
      assertWhole(since)
      return page
    },
  }
}

/**
 * A tenant's own feed. It is pruned as keys change, and whole for ever: nothing of it is trimmed. With the tenant it
 * goes, and then there is nothing to read.
 *
 * @param called what the reader calls the tenant, by which it is told of its end
 */
export function tenantSource (
  database: Database, tail: Tail, tenant: number, called: string, limits: ReadLimits
): Source {
  const missing = (): Problem | null => (
    database.catalog.tenantById(tenant) === null ? new Problem('TENANT_NOT_FOUND', { tenant: called }) : null)
  return {
    isEverything: false,
    matches: ({ scope }) => scope.tenants.at(-1) === tenant,
    over: () => tail.lastRevision === database.revision ? missing() : null,
    // A tenant's id is the revision that made it.
    firstRevision: tenant,
    assertWhole: () => {},
    async read (since, limit, bytesMax = limits.pageBytesMax) {
      const page = await readTenantFeed(database.store, tenant, {
        since, until: tail.lastRevision, limit, bytesMax, scanMax: limits.pageScanMax,
      })
      const problem = missing()
      if (problem !== null) throw problem
      return page
    },
  }
}

function readTail (
  tail: Tail, since: number, limit: number, limits: ReadLimits, isMatch: (change: Change) => boolean
): Page {
  const changes: Change[] = []
  let bytes = 0
  const last = Math.min(tail.lastRevision, since + limits.pageScanMax)
  for (let revision = since + 1; revision <= last; revision++) {
    const { change } = tail.frame(revision)
    if (!isMatch(change)) continue
    changes.push(change)
    bytes += change.text.length
    if (changes.length === limit || bytes >= limits.pageBytesMax) return { changes, lastRevision: revision }
  }
  return { changes, lastRevision: Math.max(last, since) }
}
