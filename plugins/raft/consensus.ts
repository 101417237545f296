import type { Outcome, Proposal, WriteProposal } from '../../storage/types.ts'

/** Whose request a proposal is, for the log of whichever node proposes it. */
export interface Origin {
  requestId: string
  /** W3C trace context. */
  traceparent: string | undefined
}

/** All that the rest of the house knows of consensus: propose a command, learn its outcome. */
export interface Consensus {
  /**
   * Resolves once the command is durable on a quorum and applied here, with what became of it. Any node takes it, and
   * passes it on to the leader.
   *
   * @throws Problem TOO_MANY_WRITES and NO_LEADER before anything is done; WRITE_TIMEOUT and OUTCOME_UNKNOWN when the
   * outcome is not known, and may yet be either; STORAGE_FAILED when this node can write no more.
   */
  propose (proposal: Proposal, origin?: Origin): Promise<Outcome>
  /**
   * Resolves to a receipt once the leader has the write in its log, where it may yet be lost.
   *
   * @throws Problem as `propose`
   */
  append (proposal: WriteProposal, origin?: Origin): Promise<string>
  /**
   * Resolves when this node's database holds everything that was acknowledged before the call, by whichever node.
   *
   * @throws Problem NO_LEADER when nobody can tell.
   */
  readBarrier (): Promise<void>
  readonly status: ConsensusStatus
}

export interface ConsensusStatus {
  nodeId: string
  /** Null while none is known. */
  leader: string | null
  term: number
  lastIndex: number
  commitIndex: number
  appliedIndex: number
}
