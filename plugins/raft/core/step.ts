import { campaignForTransfer, handleVoteRequest, handleVoteResponse, learnCommitted } from './election.ts'
import { handleHeartbeat, handleHeartbeatResponse } from './heartbeats.ts'
import { isResponse } from './messages.ts'
import type { Message } from './messages.ts'
import { handlePropose } from './proposals.ts'
import type { ProposalRefusal } from './proposals.ts'
import type { Raft } from './raft.ts'
import { handleReadIndex } from './reads.ts'
import { acknowledge, handleAppend, handleAppendResponse } from './replication.ts'
import { becomeFollower } from './roles.ts'
import { handleSnapshot } from './snapshots.ts'
import { handleTransfer } from './transfer.ts'

/** unknown-member: an answer from a node that is not, or no longer, a member. */
export type StepRefusal = 'unknown-member' | ProposalRefusal

/** Takes one message from another node, or one of `Ready.responses` to this node itself. Null when it was taken. */
export function step (raft: Raft, message: Message): StepRefusal | null {
  if (isResponse(message) && !raft.membership.progress.has(message.from)) return 'unknown-member'
  if ('committed' in message) learnCommitted(raft, message)
  if (!agreeOnTerm(raft, message)) return null
  if (message.type === 'vote' || message.type === 'pre-vote') {
    handleVoteRequest(raft, message)
    return null
  }
  if (message.type === 'propose') {
    const outcome = handlePropose(raft, message.entries, message.from)
    return outcome.result === 'refused' ? outcome.reason : null
  }
  if (raft.role === 'leader') stepLeader(raft, message)
  else if (raft.role === 'follower') stepFollower(raft, message)
  else stepCandidate(raft, message)
  return null
}

/** Terms are a clock: the newer one wins (section 5.1). False when the message is not for this term. */
function agreeOnTerm (raft: Raft, message: Message): boolean {
  const { type, from, term } = message
  if (passedOn(message) || term === raft.term) return true
  if (term < raft.term) {
    answerOldTerm(raft, message)
    return false
  }
  if (type === 'vote' || type === 'pre-vote') {
    if (raft.options.checkQuorum && inTouch(raft) && !message.transfer) {
      raft.trace({ event: 'lease-kept', candidate: from, term })
      return false
    }
  }
  // Neither a pre-vote nor the promise of one is of this world yet.
  if (type === 'pre-vote' || (type === 'pre-vote-response' && !message.reject)) return true
  const leads = type === 'append' || type === 'heartbeat' || type === 'snapshot'
  becomeFollower(raft, term, leads ? from : null)
  return true
}

function inTouch ({ leader, electionElapsed, electionTicks, options, ticks, heardLeaderAt }: Raft): boolean {
  if (leader !== null && electionElapsed < electionTicks) return true
  // A lease that this node gave outlives what it knows of its leader.
  return options.leaseReads && ticks - heardLeaderAt < electionTicks
}

/** Proposals and reads belong to no term: whoever leads takes them. */
function passedOn ({ type, term }: Message): boolean {
  return term === 0 && (type === 'propose' || type === 'read-index')
}

/**
 * With pre-votes or the check of the quorum, a node with a newer term cannot make itself heard by campaigning. So it
 * tells a leader of an old term, who then begins a new one, and a pre-candidate, who might wait for it for ever.
 */
function answerOldTerm (raft: Raft, { type, from }: Message): void {
  const { checkQuorum, preVote } = raft.options
  if ((checkQuorum || preVote) && (type === 'heartbeat' || type === 'append')) {
    acknowledge(raft, from, 0)
  } else if (type === 'pre-vote') {
    raft.send({ type: 'pre-vote-response', to: from, reject: true })
  }
}

function stepLeader (raft: Raft, message: Message): void {
  if (message.type === 'read-index') {
    handleReadIndex(raft, message)
    return
  }
  const progress = raft.membership.progress.get(message.from)
  if (progress === undefined) return
  if (message.type === 'append-response') handleAppendResponse(raft, message, progress)
  else if (message.type === 'heartbeat-response') handleHeartbeatResponse(raft, message, progress)
  else if (message.type === 'transfer-leader') handleTransfer(raft, message.from, progress)
}

function stepCandidate (raft: Raft, message: Message): void {
  const counted = raft.role === 'pre-candidate' ? 'pre-vote-response' : 'vote-response'
  if (message.type === 'append' || message.type === 'heartbeat' || message.type === 'snapshot') {
    // Another has won this term.
    becomeFollower(raft, message.term, message.from)
    follow(raft, message)
  } else if (message.type === counted) {
    handleVoteResponse(raft, message)
  }
}

function stepFollower (raft: Raft, message: Message): void {
  switch (message.type) {
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      raft.electionElapsed = 0
      raft.leader = message.from
      follow(raft, message)
      break
    case 'timeout-now':
      campaignForTransfer(raft)
      break
    case 'transfer-leader':
      if (raft.leader !== null) raft.send({ type: 'transfer-leader', from: message.from, to: raft.leader })
      break
    case 'read-index':
      if (raft.leader !== null) raft.send({ ...message, to: raft.leader })
      break
    case 'read-index-response':
      raft.readStates.push({ context: message.context, index: message.index })
      break
  }
}

function follow (raft: Raft, message: Extract<Message, { type: 'append' | 'heartbeat' | 'snapshot' }>): void {
  raft.heardLeaderAt = raft.ticks
  if (message.type === 'append') handleAppend(raft, message)
  else if (message.type === 'heartbeat') handleHeartbeat(raft, message)
  else handleSnapshot(raft, message)
}
