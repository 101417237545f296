import type { Entry, EntryId, NodeId, ProposedEntry, Snapshot } from './types.ts'

interface Envelope {
  from: NodeId
  to: NodeId
  /** The sender's term; that of the election in votes; 0 in what is only passed on to the leader. */
  term: number
}

/** AppendEntries of the Raft paper: entries that follow `index`, whose term was `logTerm`. Without any, a probe. */
export interface Append extends Envelope {
  type: 'append'
  index: number
  logTerm: number
  commit: number
  entries: readonly Entry[]
}

/**
 * Accepted: the follower's log is the leader's up to `index`, durably. Rejected: it is not at `index`, and at `hint`,
 * of `hintTerm`, is the newest place where it might be.
 */
export interface AppendResponse extends Envelope {
  type: 'append-response'
  index: number
  reject: boolean
  hint: number
  hintTerm: number
}

/** `commit` never passes what the receiver is known to hold. */
export interface Heartbeat extends Envelope {
  type: 'heartbeat'
  commit: number
  /** The newest read that waits for proof that this node still leads. */
  context: string | null
}

export interface HeartbeatResponse extends Envelope {
  type: 'heartbeat-response'
  context: string | null
}

/** RequestVote, and the pre-vote of the Raft thesis, section 9.6: `index` and `logTerm` are the last of the log. */
export interface VoteRequest extends Envelope {
  type: 'vote' | 'pre-vote'
  index: number
  logTerm: number
  /** A leader asked for this election: it is no disturbance (thesis, section 4.2.3). */
  transfer: boolean
  /** The newest entry that the candidate knows to be committed. The voter may hold it unknowingly. */
  committed?: EntryId
}

export interface VoteResponse extends Envelope {
  type: 'vote-response' | 'pre-vote-response'
  reject: boolean
  /** With a refusal: the newest entry that the voter knows to be committed. The candidate may hold it unknowingly. */
  committed?: EntryId
}

/** InstallSnapshot: where the snapshot stands. The driver moves the bytes, and delivers this once they are there. */
export interface InstallSnapshot extends Envelope {
  type: 'snapshot'
  snapshot: Snapshot
}

/** Campaign at once: the leader hands its place on (thesis, section 3.10). */
export interface TimeoutNow extends Envelope {
  type: 'timeout-now'
}

/** Asks the leader to hand its place on to `from`, who need not be the sender. */
export interface TransferLeader extends Envelope {
  type: 'transfer-leader'
}

/** A proposal passed on to the leader. */
export interface Propose extends Envelope {
  type: 'propose'
  entries: readonly ProposedEntry[]
}

/** Asks the leader up to where a read must have been applied (thesis, section 6.4). */
export interface ReadIndex extends Envelope {
  type: 'read-index'
  context: string
}

export interface ReadIndexResponse extends Envelope {
  type: 'read-index-response'
  index: number
  context: string
}

export type Message =
  Append | AppendResponse | Heartbeat | HeartbeatResponse | VoteRequest | VoteResponse | InstallSnapshot |
  TimeoutNow | TransferLeader | Propose | ReadIndex | ReadIndexResponse

export type MessageType = Message['type']

const responses: ReadonlySet<MessageType> = new Set<MessageType>([
  'append-response', 'vote-response', 'pre-vote-response', 'heartbeat-response', 'read-index-response'])

/** An answer to something that this node asked: only of use from a member. */
export function isResponse ({ type }: Message): boolean {
  return responses.has(type)
}
