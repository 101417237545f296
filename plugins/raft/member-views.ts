import type { Database } from '../../storage/database.ts'
import type { MemberStatus, NodeId, Status } from './core/index.ts'
import type { MemberView } from './node-options.ts'
import type { PeerStatus } from './transport/index.ts'

/** The members on the node list, with what this node knows of each. */
export function memberViews (
  { nodes }: Pick<Database, 'nodes'>, status: Status | undefined, peerList: readonly PeerStatus[]
): MemberView[] {
  const peers = new Map(peerList.map((peer) => [peer.id, peer]))
  const matches: ReadonlyMap<NodeId, MemberStatus> = status?.members ?? new Map()
  return [...nodes.values()].filter(({ state }) => state !== 'removed').map((node) => ({
    ...node,
    matchIndex: matches.get(node.id)?.match ?? null,
    peer: peers.get(node.id) ?? null,
  }))
}
