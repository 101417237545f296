import type { Database } from '../../storage/database.ts'
import type { ConsensusStatus } from './consensus.ts'
import type { NodeId } from './core/index.ts'
import type { Log } from './log/index.ts'
import type { Member } from './member.ts'
import type { MemberView } from './node-options.ts'
import type { PeerStatus } from './transport/index.ts'

/** The members by the node list, with what this node knows of each. */
export function memberViews (
  database: Database, member: Member | null, statuses: readonly PeerStatus[]
): MemberView[] {
  const matches = member?.status.members
  const peers = new Map(statuses.map((peer) => [peer.id, peer]))
  return [...database.nodes.values()].filter(({ state }) => state !== 'removed').map((node) => ({
    ...node,
    matchIndex: matches?.get(node.id)?.match ?? null,
    peer: peers.get(node.id) ?? null,
  }))
}

/** Where the node stands; a node without a part in any cluster shows what its log says. */
export function statusOf (
  nodeId: NodeId, member: Member | null, { database, log }: { database: Database, log: Log }
): ConsensusStatus {
  const status = member?.status
  return {
    nodeId,
    leader: member?.leader ?? null,
    term: status?.term ?? log.hardState.term,
    lastIndex: log.lastIndex,
    commitIndex: status?.commit ?? log.hardState.commit,
    appliedIndex: database.applied.index,
  }
}
