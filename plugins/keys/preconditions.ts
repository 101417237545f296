import { Problem } from '../../storage/problem.ts'
import type { Compare } from '../../storage/types.ts'

/** An entity tag is the revision of the key's current value. */
export function etagOf (revision: number): string {
  return `"${revision}"`
}

interface Conditions {
  'if-match'?: string | undefined
  'if-none-match'?: string | undefined
}

/**
 * What a write demands of the key, from `If-Match` and `If-None-Match` (RFC 9110, sections 13.1.1 and 13.1.2).
 *
 * @throws Problem INVALID_FIELD for what this API does not have: several tags, weak tags, a tag to be absent.
 */
export function compareOf (headers: Conditions, key: Omit<Compare, 'revision'>): Compare[] {
  const ifMatch = headers['if-match']
  const ifNoneMatch = headers['if-none-match']
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    throw invalid('if-none-match', 'cannot stand beside If-Match')
  }
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() !== '*') throw invalid('if-none-match', 'must be * on a write: the key must not exist')
    return [{ ...key, revision: 0 }]
  }
  if (ifMatch === undefined) return []
  if (ifMatch.trim() === '*') return [{ ...key, revision: 'exists' }]
  const tag = /^\s*"(0|[1-9][0-9]{0,15})"\s*$/.exec(ifMatch)?.[1]
  if (tag === undefined) throw invalid('if-match', 'must be * or one entity tag, the revision in double quotes: "12"')
  return [{ ...key, revision: Number(tag) }]
}

/** Whether the reader has the value already: `If-None-Match` on a read, compared weakly. */
export function isKnown (ifNoneMatch: string | undefined, revision: number): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.split(',').some((tag) => {
    const value = tag.trim().replace(/^W\//, '')
    return value === '*' || value === etagOf(revision)
  })
}

function invalid (field: string, reason: string): Problem {
  return new Problem('INVALID_FIELD', { field, reason })
}
