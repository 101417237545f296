import { allVoters } from './configuration.ts'
import type { VoteRequest, VoteResponse } from './messages.ts'
import { voteResult } from './quorum.ts'
import type { Raft } from './raft.ts'
import { broadcastAppend } from './replication.ts'
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from './roles.ts'
import { entryTypes } from './types.ts'
import type { NodeId } from './types.ts'

/** Elections (Raft paper, section 5.2), with pre-votes (thesis, section 9.6) and the check of the quorum (6.2). */

/** No sign of a leader for too long, or an operator's wish. */
export function campaign (raft: Raft): void {
  if (!mayCampaign(raft)) return
  if (raft.options.preVote) beginPreElection(raft)
  else beginElection(raft, false)
}

/** The leader hands its place on to this node. It knows that this one can win, so nobody is asked first. */
export function campaignForTransfer (raft: Raft): void {
  if (mayCampaign(raft)) beginElection(raft, true)
}

/** Grants a vote to a candidate whose log is as new as ours, once a term (section 5.4.1). */
export function handleVoteRequest (raft: Raft, { type, from, term, index, logTerm }: VoteRequest): void {
  const free = raft.vote === from || (raft.vote === null && raft.leader === null) ||
    (type === 'pre-vote' && term > raft.term)
  const granted = free && (raft.options.emptyMayVote || !isEmpty(raft)) && raft.log.isUpToDate({ index, term: logTerm })
  const response = type === 'vote' ? 'vote-response' : 'pre-vote-response'
  raft.trace({ event: 'vote', request: type, candidate: from, term, granted })
  // A pre-vote is granted in the term that the election would have: in an earlier one the candidate ignores it.
  if (granted) raft.send({ type: response, to: from, term, reject: false })
  else raft.send({ type: response, to: from, reject: true, committed: raft.log.committedId })
  if (granted && type === 'vote') {
    raft.electionElapsed = 0
    raft.vote = from
  }
}

/**
 * Candidate and voter tell each other what they know to be committed, as that is so in every term. Without it nobody
 * could be elected where the leader has removed itself and only one of them knows: the candidate might need the vote of
 * the removed node, whose log is longer; or the one node whose log is long enough might not know that it is a voter.
 * Who learns of a commit applies it, and then campaigns under the configuration that it brings.
 */
export function learnCommitted (raft: Raft, { committed }: VoteRequest | VoteResponse): void {
  if (raft.isLeader) return
  if (committed === undefined || committed.index <= raft.log.committed || !raft.log.holds(committed)) return
  raft.log.commitTo(committed.index)
  if (raft.role === 'pre-candidate' || raft.role === 'candidate') becomeFollower(raft, raft.term, null)
}

/** A candidate counts. */
export function handleVoteResponse (raft: Raft, { from, reject }: VoteResponse): void {
  if (!raft.votes.has(from)) raft.votes.set(from, !reject)
  const result = voteResult(raft.membership.configuration, raft.votes)
  // Who was removed meanwhile has no vote of its own to win with.
  if (result === 'lost' || (result === 'won' && !raft.promotable)) {
    becomeFollower(raft, raft.term, null)
  } else if (result === 'won' && raft.role === 'pre-candidate') {
    beginElection(raft, false)
  } else if (result === 'won') {
    becomeLeader(raft)
    broadcastAppend(raft)
  }
}

/** A leader that a quorum has not answered for an election timeout may have been replaced long ago. */
export function checkQuorum (raft: Raft): void {
  const active = new Map<NodeId, boolean>()
  for (const [id, progress] of raft.membership.progress) active.set(id, progress.recentlyActive || id === raft.id)
  if (voteResult(raft.membership.configuration, active) !== 'won') {
    raft.trace({ event: 'quorum-lost', term: raft.term })
    becomeFollower(raft, raft.term, null)
  }
  for (const [id, progress] of raft.membership.progress) progress.recentlyActive = id === raft.id
}

function mayCampaign (raft: Raft): boolean {
  if (raft.isLeader) return false
  const reason = !raft.promotable ? 'no-voter' : mayHoldChange(raft) ? 'change-unapplied' : null
  if (reason !== null) raft.trace({ event: 'no-campaign', reason })
  return reason === null
}

/** A committed change that is not in force here yet would let this node count the wrong votes. */
function mayHoldChange (raft: Raft): boolean {
  const entries = raft.log.unapplied()
  return entries === undefined || entries.some(({ type }) => type === entryTypes.configuration)
}

/** A new node, whose vote no election needs yet, or one that lost its disk and with it what it promised. */
function isEmpty ({ log, membership }: Raft): boolean {
  return log.lastIndex === 0 && membership.configuration.voters.length === 0
}

function beginPreElection (raft: Raft): void {
  becomePreCandidate(raft)
  requestVotes(raft, 'pre-vote', raft.term + 1, false)
}

function beginElection (raft: Raft, transfer: boolean): void {
  becomeCandidate(raft)
  requestVotes(raft, 'vote', raft.term, transfer)
}

function requestVotes (raft: Raft, type: VoteRequest['type'], term: number, transfer: boolean): void {
  const { lastId: { index, term: logTerm }, committedId: committed } = raft.log
  for (const to of allVoters(raft.membership.configuration)) {
    // Its own vote counts like another's: once it is durable.
    if (to === raft.id) {
      raft.send({ type: type === 'vote' ? 'vote-response' : 'pre-vote-response', to, term, reject: false })
    } else {
      raft.send({ type, to, term, index, logTerm, transfer, committed })
    }
  }
}
