import type { Catalog } from './catalog.ts'
import type { Called, Compare, Operation } from './types.ts'

interface Write {
  compare: readonly Compare[]
  then: readonly Operation[]
  else?: readonly Operation[]
}

/**
 * The names that the tenants have now to which a write refers by id. Whoever judges a write by names puts them into it,
 * so that it does nothing once a tenant has come to be called otherwise.
 */
export function calledIn ({ compare, then, else: otherwise = [] }: Write, catalog: Catalog): Called[] {
  const ids = new Set<string>()
  for (const list of [compare, then, otherwise]) {
    for (const { tenant } of list) if (tenant !== undefined && isId(tenant)) ids.add(tenant)
  }
  return [...ids].map((id) => ({ id, name: catalog.tenant(id)?.name ?? null }))
}

/** No name is of digits only. */
function isId (reference: string): boolean {
  return /^[0-9]+$/.test(reference)
}
