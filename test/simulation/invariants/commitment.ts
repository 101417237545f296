import type { Configuration, NodeId } from '../../../plugins/raft/core/index.ts'
import type { Canon } from '../canon.ts'
import type { Check } from '../check.ts'
import type { SimNode } from '../node.ts'
import { Violation } from '../violation.ts'

/**
 * All nodes commit the same entries, and what is committed is on the disks of a quorum of a configuration that was in
 * force on the leader: of both its sets of voters. A leader counts only in its own term (Raft paper, section 5.4.2,
 * figure 8).
 */
export function commitment (canon: Canon, nodes: ReadonlyMap<NodeId, SimNode>): Check {
  /** How far each node's commit index has been looked at. */
  const seen = new Map<NodeId, number>()
  return {
    started (node) {
      seen.set(node.id, node.disk.durable.before.index)
    },
    turned (node, { commit, term, role }) {
      const { shown } = node.disk
      for (let index = seen.get(node.id)! + 1; index <= commit; index++) {
        const own = shown.term(index)
        // A snapshot took its place.
        if (own === undefined && index < shown.firstIndex) continue
        if (own === undefined) throw new Violation('commitment', `${node.name} commits entry ${index}, which it lacks`)
        const known = canon.committed(index)
        if (known !== undefined) {
          if (known.term === own) continue
          throw new Violation('state machine safety', `${node.name} commits entry ${index} of term ${own}, and others ` +
            `have committed that of term ${known.term}`)
        }
        if (!node.configurations.some((configuration) => isOnQuorum(configuration, index, own))) {
          throw new Violation('commitment', `${node.name}, ${role} in term ${term}, commits entry ${index} of term ` +
            `${own}, which is not on a quorum's disks`)
        }
        canon.commit(index, { term: own, leaderTerm: term, entry: shown.entry(index) })
      }
      if (commit <= seen.get(node.id)!) return
      seen.set(node.id, commit)
      if (role === 'leader' && shown.term(commit) !== term) {
        throw new Violation('commitment', `${node.name} leads term ${term}, and commits entry ${commit} of term ` +
          `${shown.term(commit)} by counting`)
      }
    },
  }

  function isOnQuorum ({ voters, votersOutgoing }: Configuration, index: number, term: number): boolean {
    const isOn = (id: NodeId): boolean => {
      const durable = nodes.get(id)?.disk.durable
      return durable !== undefined && (durable.term(index) === term || index < durable.before.index)
    }
    return [voters, votersOutgoing].every((ids) => ids.length === 0 || ids.filter(isOn).length * 2 > ids.length)
  }
}
