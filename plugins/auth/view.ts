import type { Catalog, TenantNode } from '../../storage/catalog.ts'
import type { Scope } from '../../storage/change.ts'
import type { Problem } from '../../storage/problem.ts'
import type { Rights } from './rights.ts'

/** What of the feed one reader may see. */
export interface View {
  /** Whether it may see a change; null for a reader who may see all that it asked for. */
  sees: ((change: { readonly scope: Scope }) => boolean) | null
  /**
   * Why the reader may not go on: it lost its rights or its credentials, or what it may see is no longer what it was
   * when it began. Else null. To be asked whenever rights or tenants have changed, before anything more is shown.
   */
  lost: () => Problem | null
}

export interface FeedViewOptions {
  rights: Rights
  catalog: () => Catalog
  /** What the reader named, which it may see; null when it asked for all. */
  tenant: number | null
  /** The database's revision when the reader began. */
  since: number
  /** Whether credentials and rights are still those with which it began. */
  isGood: () => boolean
  problem: () => Problem
}

/**
 * The part of the feed that lies in tenants which the reader may read. Rights go by names and changes by ids, so the
 * names are looked up when the reader begins, and again when tenants have changed:
 *
 * - a tenant that was made since belongs to it from its first change on;
 * - a tenant that was deleted stays, so that the reader is told of the deletion;
 * - when a rename takes a tenant away, or brings one in whose earlier changes the reader has not got, the reader has to
 *   begin again. Neither may pass in silence.
 */
export class FeedView implements View {
  readonly sees: View['sees']
  readonly #options: FeedViewOptions
  readonly #seen = new Set<number>()

  constructor (options: FeedViewOptions) {
    const { rights, tenant } = options
    this.#options = options
    const seesAll = tenant !== null || rights.coversAll('read')
    this.sees = seesAll ? null : ({ scope }) => scope.tenants.some((id) => this.#seen.has(id))
    if (tenant !== null) this.#seen.add(tenant)
    else if (!seesAll) for (const { id } of this.#named()) this.#seen.add(id)
  }

  lost (): Problem | null {
    const { isGood, problem } = this.#options
    return isGood() && this.#follow() ? null : problem()
  }

  /** Brings what is seen up to date; false when that cannot be done without a gap. */
  #follow (): boolean {
    const { rights, tenant, since } = this.#options
    const catalog = this.#options.catalog()
    for (const id of this.#seen) {
      const node = catalog.tenantById(id)
      if (node !== null && !rights.covers('read', node.name)) return false
    }
    if (tenant !== null || this.sees === null) return true
    for (const node of this.#named()) {
      if (this.#seen.has(node.id)) continue
      // An id is the revision at which the tenant was made, so what is above it was renamed after that.
      const wasRenamed = node.path.some((id) => catalog.tenantById(id)!.revision > node.id)
      if (node.id <= since || wasRenamed) return false
      this.#seen.add(node.id)
    }
    return true
  }

  /** The tenants that rights were given on by name, as far as there are such. */
  #named (): TenantNode[] {
    const catalog = this.#options.catalog()
    return [...this.#options.rights.names('read')].flatMap((name) => catalog.tenant(name) ?? [])
  }
}
