import { isLinearizable, type Asked } from '../../simulation/linearizability.ts'
import type { HistoryChange } from '../../support/replay.ts'
import { isSame, type Operation, type Place } from './operation.ts'

/** A revision, and what the key had from then on: the revision of its value, 0 while it was absent. */
export interface Moment {
  from: number
  value: number
}

/**
 * Whether one copy of the key, asked by one client after another, would have given these answers: the simulator's own
 * judgement. The feed tells in which order the key changed, and clients when they asked for that and were answered.
 */
export function isOneCopy (
  place: Place, moments: readonly Moment[], feed: readonly HistoryChange[], operations: readonly Operation[]
): boolean {
  const values = [0, ...moments.map(({ value }) => value)]
  const changes = moments.map(({ from }, at): Asked => {
    const { called, returned } = makerOf(feed[from - 1]!, operations) ?? { called: 0, returned: Infinity }
    return { called, returned, effect: (state) => state === at ? at + 1 : null }
  })
  const answers = operations.flatMap((operation): Asked[] => {
    const value = isSame(operation, place) ? seen(operation) : null
    const { called, returned } = operation
    return value === null ? [] : [{ called, returned, effect: (state) => values[state] === value ? state : null }]
  })
  return isLinearizable([...changes, ...answers], 0)
}

/** The state of its key that the answer shows; null for an answer that shows none. */
function seen ({ kind, result }: Operation): number | null {
  if (kind === 'read' && result !== null) return result.what === 'done' ? result.revision : 0
  return kind === 'delete' && result?.what === 'refused' ? 0 : null
}

/** Who asked for the change: its tag says so, or the answer does. */
function makerOf ({ revision, tags }: HistoryChange, operations: readonly Operation[]): Operation | undefined {
  return operations.find(({ id, kind, result }) => (
    tags?.[0] === id || (kind !== 'read' && result?.what === 'done' && result.revision === revision)))
}
