import type { Outcome, Proposal } from '../../storage/types.ts'

/** All that the rest of the house knows of consensus: propose a command, learn its outcome. */
export interface Consensus {
  /**
   * Resolves once the command is durable and applied, with what became of it.
   *
   * @throws Problem TOO_MANY_WRITES before anything is done; WRITE_TIMEOUT when the outcome is not known in time, and
   * may yet be either; STORAGE_FAILED when this node can write no more.
   */
  propose (proposal: Proposal): Promise<Outcome>
  /** Resolves when this node's database holds everything that was acknowledged before the call, by whichever node. */
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
