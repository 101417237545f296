import { collectionNameFault, keyFault, tagFault, tenantNameFault } from '../../storage/names.ts'
import { Problem } from '../../storage/problem.ts'
import type { Compare, Operation } from '../../storage/types.ts'

export interface NameLimits {
  keyBytesMax: number
  tagsMax: number
  tagBytesMax: number
}

/** Whether names are well spelt. Tenants and collections that must exist are only looked up, later. */
export function checkOperation (operation: Operation, at: string, limits: NameLimits): void {
  const { type, tenant, collection, key, tags } = operation
  if (collection !== undefined && tenant === undefined) throw invalid(`${at}/collection`, 'needs a tenant beside it')
  if (key !== undefined && collection === undefined) throw invalid(`${at}/key`, 'needs a tenant and a collection beside it')
  if (type === 'delete' && key === undefined) throw invalid(`${at}/key`, 'is required to delete: only keys can be deleted by a change')
  if (type === 'delete' && operation.data !== undefined) throw invalid(`${at}/data`, 'has no place in a delete')
  if (type === 'tenant-create') check(tenantNameFault(tenant ?? ''), '/name')
  if (type === 'tenant-rename') check(tenantNameFault(operation.name ?? ''), '/name')
  if (type === 'collection-create') check(collectionNameFault(collection ?? ''), '/name')
  if (key !== undefined) check(keyFault(key, limits.keyBytesMax), `${at}/key`)
  if (tags === undefined) return
  if (tags.length > limits.tagsMax) throw invalid(`${at}/tags`, `must be at most ${limits.tagsMax} tags (CHANGEWELL_TAGS_MAX)`)
  tags.forEach((tag, place) => check(tagFault(tag, limits.tagBytesMax), `${at}/tags/${place}`))
}

export function checkCompare ({ key }: Compare, at: string, limits: NameLimits): void {
  check(keyFault(key, limits.keyBytesMax), `${at}/key`)
}

function check (fault: string | null, field: string): void {
  if (fault !== null) throw invalid(field, fault)
}

function invalid (field: string, reason: string): Problem {
  return new Problem('INVALID_FIELD', { field, reason })
}
