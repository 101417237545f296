import type { NodeId } from '../../../plugins/raft/core/index.ts'
import type { Check } from '../check.ts'
import type { SimNode } from '../node.ts'
import { Violation } from '../violation.ts'

/**
 * What a leader believes of a member's log is true: up to `match` the member's disk holds the leader's log. Only a
 * leader of a later term may have changed that.
 */
export function knownMatch (nodes: ReadonlyMap<NodeId, SimNode>): Check {
  return {
    turned ({ id, name, disk: { shown } }, { term, members }) {
      for (const [member, { match }] of members) {
        const { durable } = nodes.get(member)!.disk
        if (member === id || match <= durable.before.index || durable.hardState.term > term) continue
        const expected = shown.term(match)
        if (expected === undefined || durable.term(match) === expected) continue
        throw new Violation('known match', `${name} leads term ${term}, and believes that ${member} holds entry ` +
          `${match} of term ${expected}; its disk has there ${durable.term(match) ?? 'nothing'}`)
      }
    },
  }
}
