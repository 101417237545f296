import type { LogStorage } from './storage.ts'
import type { TraceEvent } from './trace.ts'
import type { Configuration, HardState, NodeId } from './types.ts'

/** Everything that a core is told when it starts. All limits in bytes count entries as `entryBytes` does. */
export interface CoreOptions {
  id: NodeId
  storage: LogStorage
  /** As the disk holds it; term 0 and no vote for a node that is new. */
  hardState: HardState
  /** As in force once everything up to `applied` is applied. */
  configuration: Configuration
  /** The state machine holds everything up to here; 0 for none. */
  applied: number
  /** A follower that has heard nothing for this many ticks, and up to twice as many at random, campaigns. */
  electionTicks: number
  heartbeatTicks: number
  /** Ask whether an election could be won before disturbing anyone with it (thesis, section 9.6). */
  preVote: boolean
  /** A leader out of touch with a quorum steps down; who is in touch with a leader grants no vote (section 6.2). */
  checkQuorum: boolean
  /**
   * A read that asked a quorum answers others without asking for the rest of an election timeout, trusting clocks to go
   * alike on all nodes. Needs `checkQuorum`, and the same on every node.
   */
  leaseReads: boolean
  /** Followers pass proposals on to the leader. Else they refuse them. */
  forwardProposals: boolean
  /** A leader that is no voter any longer steps down at once, instead of leading until another takes over. */
  stepDownOnRemoval: boolean
  /** Refuse changes that the configuration cannot take. Off, one that does not fit when it is applied is an error. */
  checkChanges: boolean
  /**
   * A node without a log and a configuration answers votes. Off, no election is decided by one that lost its disk, and
   * with it what it promised; members must then be given the log before they get a vote.
   */
  emptyMayVote: boolean
  /** Committed entries may be applied before this node's own disk holds them, if each Ready is done in order. */
  applyUnstable: boolean
  /** Entries in one append. */
  appendBytesMax: number
  /** Appends under way to one follower. */
  inflightMessagesMax: number
  inflightBytesMax: number
  /** Data of entries that wait for a quorum; more is refused. */
  uncommittedBytesMax: number
  /** Entries that are being applied at a time. */
  applyingBytesMax: number
  /** A whole number from 0 and below `limit`: the core's only source of chance. */
  random: (limit: number) => number
  /** Differs at each start of this node, so that an answer to a read of an earlier life is known for what it is. */
  incarnation: string
  /** Hears of each transition. */
  trace?: ((event: TraceEvent) => void) | undefined
}

/** @throws RangeError for options that cannot work together */
export function checkOptions (options: CoreOptions): void {
  const { electionTicks, heartbeatTicks, inflightMessagesMax, leaseReads, checkQuorum } = options
  if (options.id === '') throw new RangeError('the id of a node is not empty')
  if (!(heartbeatTicks >= 1)) throw new RangeError('heartbeats are at least one tick apart')
  if (!(electionTicks > heartbeatTicks)) throw new RangeError('an election takes longer than a heartbeat')
  if (!(inflightMessagesMax >= 1)) throw new RangeError('at least one append may be under way')
  if (!(options.applyingBytesMax > 0)) throw new RangeError('some bytes may be applied at a time')
  if (leaseReads && !checkQuorum) throw new RangeError('reads by lease need the check of the quorum')
}
