import type { Catalog } from '../../storage/catalog.ts'
import type { Operation, WriteProposal } from '../../storage/types.ts'
import { modes } from './modes.ts'
import type { Lock } from './table.ts'

/**
 * The locks of a write: what it compares is shared; a key that it writes, and a tenant or collection that it makes,
 * renames or deletes, is exclusive. Both branches of a transaction count, because which it will be is not known yet.
 *
 * Tenants go by the names that they have now; what there is not is locked by the name that it would have.
 */
export function locksOf ({ compare, then, else: otherwise }: WriteProposal, catalog: Catalog): Lock[] {
  const locks: Lock[] = []
  for (const { tenant, collection, key } of compare) {
    locks.push({ tenant: partsOf(tenant, catalog), collection, key, mode: modes.S })
  }
  for (const operation of then) addLocks(locks, operation, catalog)
  if (otherwise !== undefined) for (const operation of otherwise) addLocks(locks, operation, catalog)
  return locks
}

/** Whether the locks are on the same places: names can have changed since. */
export function areSame (some: readonly Lock[], others: readonly Lock[]): boolean {
  return some.every(({ tenant }, at) => {
    const other = others[at]!.tenant
    return tenant.length === other.length && tenant.every((part, place) => part === other[place])
  })
}

function addLocks (locks: Lock[], { type, tenant, collection, key, name }: Operation, catalog: Catalog): void {
  // A change of no tenant is about nothing that could be locked.
  if (tenant === undefined) return
  const parts = partsOf(tenant, catalog)
  if (key !== undefined) locks.push({ tenant: parts, collection: collection!, key, mode: modes.X })
  // A record changes nothing but the history, and needs its place to be there.
  else if (type === 'put') locks.push({ tenant: parts, ...(collection === undefined ? {} : { collection }), mode: modes.IX })
  else if (collection !== undefined) locks.push({ tenant: parts, collection, mode: modes.X })
  else locks.push({ tenant: parts, mode: modes.X })
  if (name !== undefined) locks.push({ tenant: name.split('/'), mode: modes.X })
}

function partsOf (reference: string, catalog: Catalog): string[] {
  const name = catalog.tenant(reference)?.name ?? reference
  return name.includes('/') ? name.split('/') : [name]
}
