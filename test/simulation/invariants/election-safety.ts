import type { NodeId } from '../../../plugins/raft/core/index.ts'
import type { Check } from '../check.ts'
import { Violation } from '../violation.ts'

/** At most one leader in a term (Raft paper, figure 3). */
export function electionSafety (): Check {
  const leaders = new Map<number, NodeId>()
  return {
    turned (node, { role, term }) {
      if (role !== 'leader') return
      const leader = leaders.get(term)
      if (leader === undefined) leaders.set(term, node.id)
      else if (leader !== node.id) {
        throw new Violation('election safety', `term ${term} has two leaders, ${leader} and ${node.id}`)
      }
    },
  }
}
