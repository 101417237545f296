import { allVoters, type Configuration, type NodeId } from './core/index.ts'
import type { PeerStatus } from './transport/index.ts'

/** Why there is no leader, in a sentence: too few voters can be reached, or an election is under way. */
export function leaderlessReason (
  self: NodeId, configuration: Configuration, peers: readonly PeerStatus[], addressOf: (id: NodeId) => string | null
): string {
  const voters = allVoters(configuration)
  const connected = peers.filter((peer) => peer.connected).map(({ id }) => id)
  const reached = voters.filter((id) => id === self || connected.includes(id))
  const quorum = Math.floor(voters.length / 2) + 1
  if (reached.length >= quorum) return 'no leader is known; an election is under way'
  const missing = voters.filter((id) => !reached.includes(id)).map((id) => `${id} at ${addressOf(id) ?? 'an unknown address'}`)
  return `no leader can be elected: ${reached.length} of ${voters.length} voters can be reached, and ${quorum} are needed ` +
    `(missing: ${missing.join(', ')})`
}
