import type { Catalog } from '../../storage/catalog.ts'
import type { Compare, Operation, Webhook } from '../../storage/types.ts'

/** What of a write a hook is asked about. */
export interface Concerned {
  compare: Compare[]
  then: Operation[]
  else: Operation[]
}

interface Write {
  compare: readonly Compare[]
  then: readonly Operation[]
  else?: readonly Operation[]
}

/**
 * The part of a write that a hook wants to see: changes in its tenant and below, with its tag. Null when there is none.
 * A hook of one tenant is shown nothing of another.
 */
export function concerned (hook: Pick<Webhook, 'tenant' | 'tag'>, write: Write, catalog: Catalog): Concerned | null {
  const { tenant, tag } = hook
  const isWanted = (operation: Operation): boolean => hasTag(tag, operation) && isAbout(tenant, operation, catalog)
  const then = write.then.filter(isWanted)
  const otherwise = write.else?.filter(isWanted) ?? []
  if (then.length === 0 && otherwise.length === 0) return null
  const compare = write.compare.filter((one) => tenant === undefined || isWithin(nameOf(one.tenant, catalog), tenant))
  return { compare, then, else: otherwise }
}

function hasTag (tag: string | undefined, { tags }: Operation): boolean {
  return tag === undefined || tags?.includes(tag) === true
}

function isAbout (wanted: string | undefined, { type, tenant, name }: Operation, catalog: Catalog): boolean {
  if (wanted === undefined) return true
  if (tenant === undefined) return false
  const own = nameOf(tenant, catalog)
  if (isWithin(own, wanted) || (name !== undefined && isWithin(name, wanted))) return true
  // What becomes of a tenant becomes of all below it.
  return (type === 'tenant-delete' || type === 'tenant-rename') && isWithin(wanted, own)
}

function isWithin (name: string, subtree: string): boolean {
  return name === subtree || name.startsWith(`${subtree}/`)
}

function nameOf (reference: string, catalog: Catalog): string {
  return catalog.tenant(reference)?.name ?? reference
}
