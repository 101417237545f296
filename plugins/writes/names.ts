import { collectionNameFault, referenceFault, tenantNameFault } from '../../storage/names.ts'
import { Problem } from '../../storage/problem.ts'
import type { Compare, Operation } from '../../storage/types.ts'
import { checkFault, checkKey, checkTag } from '../names.ts'

export interface NameLimits {
  keyBytesMax: number
  tagsMax: number
  tagBytesMax: number
}

/** What the request calls a member of an operation: a JSON pointer into the body, or a name in the path. */
export type FieldOf = (member: keyof Operation) => string

/** Whether names are well spelt. Tenants and collections that must exist are looked up later. */
export function checkOperation (operation: Operation, field: FieldOf, limits: NameLimits): void {
  const { type, tenant, collection, key, name, tags } = operation
  if (collection !== undefined && tenant === undefined) throw invalid(field('collection'), 'needs a tenant beside it')
  if (key !== undefined && collection === undefined) throw invalid(field('key'), 'needs a tenant and a collection beside it')
  if (type === 'delete' && key === undefined) throw invalid(field('key'), 'is required to delete: only keys can be deleted by a change')
  if (type === 'delete' && operation.data !== undefined) throw invalid(field('data'), 'has no place in a delete')
  if (tenant !== undefined) checkFault((type === 'tenant-create' ? tenantNameFault : referenceFault)(tenant), field('tenant'))
  if (collection !== undefined) {
    checkFault((type === 'collection-create' ? collectionNameFault : referenceFault)(collection), field('collection'))
  }
  if (name !== undefined) checkFault(tenantNameFault(name), field('name'))
  if (key !== undefined) checkKey(key, limits.keyBytesMax, field('key'))
  if (tags === undefined) return
  if (tags.length > limits.tagsMax) throw invalid(field('tags'), `must be at most ${limits.tagsMax} tags (CHANGEWELL_TAGS_MAX)`)
  tags.forEach((tag, place) => checkTag(tag, limits.tagBytesMax, `${field('tags')}/${place}`))
}

export function checkCompare ({ tenant, collection, key }: Compare, field: FieldOf, limits: NameLimits): void {
  checkFault(referenceFault(tenant), field('tenant'))
  checkFault(referenceFault(collection), field('collection'))
  checkKey(key, limits.keyBytesMax, field('key'))
}

function invalid (field: string, reason: string): Problem {
  return new Problem('INVALID_FIELD', { field, reason })
}
