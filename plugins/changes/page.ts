import type { Change } from '../../storage/change.ts'

export interface PageParts {
  changes: Change[]
  lastRevision: number
  atStart: boolean
  atEnd: boolean
}

const opening = Buffer.from('{"changes":[')
const comma = Buffer.from(',')

/** The body of a page: the changes' own texts, joined, never parsed. */
export function renderPage ({ changes, lastRevision, atStart, atEnd }: PageParts): Buffer {
  const parts: Buffer[] = [opening]
  changes.forEach(({ text }, at) => {
    if (at > 0) parts.push(comma)
    parts.push(text)
  })
  parts.push(Buffer.from(`],"lastRevision":${lastRevision},"atStart":${atStart},"atEnd":${atEnd}}`))
  return Buffer.concat(parts)
}

/** Leaves only the newest change of each key; changes without a key all stay. */
export function newestOfEachKey (changes: Change[]): Change[] {
  const newest = new Map<string, number>()
  for (const { scope, revision } of changes) {
    if (scope.key !== null) newest.set(`${scope.collection} ${scope.key}`, revision)
  }
  return changes.filter(({ scope, revision }) => scope.key === null || newest.get(`${scope.collection} ${scope.key}`) === revision)
}
