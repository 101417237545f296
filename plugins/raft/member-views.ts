import type { Database } from '../../storage/database.ts'
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
