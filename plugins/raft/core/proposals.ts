import { checkedChanges } from './membership.ts'
import type { Raft } from './raft.ts'
import { appendProposals, broadcastAppend } from './replication.ts'
import type { NodeId, ProposedEntry } from './types.ts'

/**
 * no-leader: none is known, or an election is under way. not-leader: another node leads, and proposals are not passed
 * on. removed: this node leads but is no member any longer. transferring: another is about to lead. too-much-waiting:
 * `uncommittedBytesMax` is reached. Nothing was done, and the proposal may be made again.
 */
export type ProposalRefusal = 'no-leader' | 'not-leader' | 'removed' | 'transferring' | 'too-much-waiting'

/**
 * Appended: the entries are at `index` and after it. What is applied there with the same term is what was proposed;
 * once another term is, the proposal is lost for certain. Forwarded: nobody will tell.
 */
export type ProposalResult =
  { result: 'appended', term: number, index: number } |
  { result: 'forwarded', to: NodeId } |
  { result: 'refused', reason: ProposalRefusal }

export function handlePropose (raft: Raft, entries: readonly ProposedEntry[], from: NodeId): ProposalResult {
  if (raft.isLeader) return proposeAsLeader(raft, entries)
  if (raft.role !== 'follower' || raft.leader === null) return refused('no-leader')
  if (!raft.options.forwardProposals) return refused('not-leader')
  raft.send({ type: 'propose', from, to: raft.leader, term: 0, entries })
  return { result: 'forwarded', to: raft.leader }
}

function proposeAsLeader (raft: Raft, entries: readonly ProposedEntry[]): ProposalResult {
  if (raft.ownProgress === undefined) return refused('removed')
  if (raft.transferee !== null) return refused('transferring')
  const index = raft.log.lastIndex + 1
  const pending = raft.pendingChangeIndex
  if (!appendProposals(raft, checkedChanges(raft, entries))) {
    raft.pendingChangeIndex = pending
    return refused('too-much-waiting')
  }
  broadcastAppend(raft)
  return { result: 'appended', term: raft.term, index }
}

function refused (reason: ProposalRefusal): ProposalResult {
  return { result: 'refused', reason }
}
