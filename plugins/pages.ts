import { Problem } from '../storage/problem.ts'

/**
 * One page of a list that is in memory, in the order of its names.
 *
 * @throws Problem INVALID_FIELD when the limit is above the greatest.
 */
export function pageOf<Item> (
  items: Item[], nameOf: (item: Item) => string, after: string | undefined, limit: number, limitMax: number
): { items: Item[], next: string | null } {
  checkLimit(limit, limitMax)
  const sorted = items.sort((a, b) => nameOf(a) < nameOf(b) ? -1 : 1)
  const rest = after === undefined ? sorted : sorted.filter((item) => nameOf(item) > after)
  const page = rest.slice(0, limit)
  return { items: page, next: rest.length > page.length ? nameOf(page.at(-1)!) : null }
}

export function checkLimit (limit: number, limitMax: number): void {
  if (limit > limitMax) {
    throw new Problem('INVALID_FIELD', { field: 'limit', reason: `must be at most ${limitMax} (CHANGEWELL_PAGE_CHANGES_MAX)` })
  }
}
