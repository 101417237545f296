import type { Configuration, NodeId } from './types.ts'

/** Won and lost are final: no vote that is still out can change them. */
export type VoteResult = 'won' | 'pending' | 'lost'

/** The two sets of voters that must agree; the second is empty but in a joint configuration. */
export type Voters = Pick<Configuration, 'voters' | 'votersOutgoing'>

/** The newest index that a majority of each set has acknowledged. `acked` gives 0 for who has not been heard of. */
export function committedIndex ({ voters, votersOutgoing }: Voters, acked: (id: NodeId) => number): number {
  return Math.min(majorityIndex(voters, acked), majorityIndex(votersOutgoing, acked))
}

/** `votes` holds who voted, and whether with yes. */
export function voteResult ({ voters, votersOutgoing }: Voters, votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  const incoming = majorityResult(voters, votes)
  const outgoing = majorityResult(votersOutgoing, votes)
  if (incoming === outgoing) return incoming
  return incoming === 'lost' || outgoing === 'lost' ? 'lost' : 'pending'
}

/** Of no voters, all agree on everything: so a set that is empty leaves the decision to the other. */
function majorityIndex (voters: readonly NodeId[], acked: (id: NodeId) => number): number {
  if (voters.length === 0) return Infinity
  const indexes = voters.map(acked).sort((a, b) => b - a)
  return indexes[voters.length >> 1]!
}

function majorityResult (voters: readonly NodeId[], votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  if (voters.length === 0) return 'won'
  let granted = 0
  let missing = 0
  for (const id of voters) {
    const vote = votes.get(id)
    if (vote === undefined) missing++
    else if (vote) granted++
  }
  const majority = (voters.length >> 1) + 1
  if (granted >= majority) return 'won'
  return granted + missing >= majority ? 'pending' : 'lost'
}
