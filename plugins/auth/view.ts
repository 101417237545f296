import type { Catalog } from '../../storage/catalog.ts'
import { previousNameOf, tenantNameOf, type Change } from '../../storage/change.ts'
import { Problem } from '../../storage/problem.ts'
import type { Rights } from './rights.ts'

/** What of the feed one reader may see. */
export interface View {
  /** Whether it may see a change; null for a reader who may see all that it asked for. */
  sees: ((change: Change) => boolean) | null
  /**
   * Whether a change is a rename that takes tenants into or out of what the reader may see: the feed holds neither what
   * such a tenant had before, nor that it has gone. Null for a reader to whom that cannot happen.
   */
  isBorder: ((change: Change) => boolean) | null
  /**
   * Why the reader may not go on: it lost its rights or its credentials, or may not see any more what it named. Else
   * null. To be asked before anything is shown after a wait, and whenever rights or tenants have changed.
   */
  lost: () => Problem | null
  /** What a reader is told that has come to such a rename. */
  border: (revision: number) => Problem
}

export interface FeedViewOptions {
  identity: string | null
  rights: Rights
  catalog: () => Catalog
  /** What the reader named, which it may see; null when it asked for all. */
  tenant: number | null
  /** Whether credentials and rights are still those with which it began. */
  isGood: () => boolean
}

/**
 * The part of the feed that lies in tenants which the reader may read. Rights go by names, and here by the name that a
 * tenant had when the change was made: so what a reader sees depends on its rights alone, however often it comes back.
 */
export class FeedView implements View {
  readonly sees: View['sees']
  readonly isBorder: View['isBorder']
  readonly #options: FeedViewOptions

  constructor (options: FeedViewOptions) {
    const { rights, tenant } = options
    this.#options = options
    const seesAll = tenant !== null || rights.coversAll('read')
    this.isBorder = seesAll ? null : (change) => change.scope.type === 'tenant-rename' && isBorder(rights, change)
    this.sees = seesAll ? null : (change) => !this.isBorder!(change) && rights.covers('read', tenantNameOf(change) ?? '')
  }

  lost (): Problem | null {
    const { identity, rights, catalog, tenant, isGood } = this.#options
    const named = tenant === null ? null : catalog().tenantById(tenant)
    const isHidden = named !== null && !rights.covers('read', named.name)
    return isGood() && !isHidden ? null : new Problem('RIGHTS_CHANGED', { identity })
  }

  border (revision: number): Problem {
    return new Problem('RIGHTS_CHANGED', { identity: this.#options.identity, revision })
  }
}

function isBorder (rights: Rights, change: Change): boolean {
  const [before, after] = [previousNameOf(change), tenantNameOf(change)!]
  if (before === after) return false
  const [sawIt, seesIt] = [rights.covers('read', before), rights.covers('read', after)]
  if (sawIt || seesIt) return !(sawIt && seesIt)
  return [...rights.names('read')].some((name) => name.startsWith(`${before}/`) || name.startsWith(`${after}/`))
}
