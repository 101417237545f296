import type { Canon } from './canon.ts'
import type { History, Operation } from './history.ts'
import { isLinearizable } from './linearizability.ts'
import type { Asked } from './linearizability.ts'
import { Violation } from './violation.ts'

/** The state of a key is the revision of its value; 0 while it is absent. */

/** What clients were told of each key is what one copy of it, asked by one client after another, would have said. */
export function checkKeys ({ operations }: History, canon: Canon): void {
  for (const key of new Set(operations.map(({ key }) => key))) {
    const all = operations.filter((operation) => operation.key === key && operation.kind !== 'record')
    const asked = all.flatMap((operation) => askedOf(operation, canon))
    if (!isLinearizable(asked, 0)) throw new Violation('linearizability', `no order explains the answers on ${key}`)
  }
}

/** An unanswered write took effect if the feed shows that; with the feed's revision, the search is short. */
function askedOf (operation: Operation, canon: Canon): Asked[] {
  const { called, returned, result } = operation
  if (result?.what === 'rejected') return []
  if (result !== null) return [{ called, returned, effect: (state) => effect(operation, state) }]
  const revision = canon.effects.get(operation.id)
  if (operation.kind === 'read' || revision === undefined) return []
  const done = { ...operation, result: { what: 'done', revision, created: null, database: revision } as const }
  return [{ called, returned, effect: (state) => effect(done, state) }]
}

function effect ({ kind, expected, result }: Operation, state: number): number | null {
  if (result === null) return null
  switch (result.what) {
    case 'seen':
      return state === result.revision ? state : null
    case 'rejected':
      return null
    case 'refused':
      return (kind === 'delete' ? state === 0 : state !== expected) ? state : null
    case 'done':
      if (kind === 'delete') return state === 0 ? null : 0
      if (result.created !== null && result.created !== (state === 0)) return null
      return kind === 'compare' && state !== expected ? null : result.revision
  }
}

/** An acknowledged write is in the feed, where it was said to be. */
export function checkAcknowledged ({ operations }: History, canon: Canon): void {
  for (const { id, result } of operations) {
    if (result?.what === 'done' && canon.effects.get(id) !== result.revision) {
      throw new Violation('acknowledged writes',
        `${id} was acknowledged at ${result.revision}, and the feed has it at ${canon.effects.get(id) ?? 'no place'}`)
    }
  }
}
