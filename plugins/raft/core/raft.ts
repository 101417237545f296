import { restoreMembership } from './changer.ts'
import type { Membership } from './changer.ts'
import { Log } from './log.ts'
import type { Message } from './messages.ts'
import { checkOptions } from './options.ts'
import type { CoreOptions } from './options.ts'
import type { Progress } from './progress.ts'
import { PendingReads } from './pending-reads.ts'
import type { TraceEvent } from './trace.ts'
import type { HardState, NodeId, ReadState, Role, SoftState } from './types.ts'

type DistributiveOmit<Type, Key extends PropertyKey> = Type extends unknown ? Omit<Type, Key> : never

/** A message before it is addressed: its term is this node's, but where it says otherwise. */
export type Draft = DistributiveOmit<Message, 'from' | 'term'> & { from?: NodeId, term?: number }

/** The state of one node, and nothing that happens to it: each file beside this one is a part of the algorithm. */
export class Raft {
  readonly id: NodeId
  readonly options: CoreOptions
  readonly log: Log
  electionTicks: number
  heartbeatTicks: number

  // Durable, once the disk says so.
  term: number
  vote: NodeId | null

  role: Role = 'follower'
  leader: NodeId | null = null
  membership: Membership
  /** Who answered in this election, and whether with yes. */
  votes = new Map<NodeId, boolean>()

  /** Since the last sign of a leader; on a leader, since the last check of its quorum. */
  electionElapsed = 0
  heartbeatElapsed = 0
  /** Since the start of this node. */
  ticks = 0
  /** The tick of the last word from a leader. A node that restarts may have heard one just before. */
  heardLeaderAt: number
  /** Drawn anew with each change of role, so that two nodes seldom campaign at once (section 5.2). */
  electionTimeout: number

  // A leader's.
  /** Who the leader is handing its place to. */
  transferee: NodeId | null = null
  /** No configuration change is proposed before this index is applied. */
  pendingChangeIndex = 0
  /** Data that waits for a quorum. */
  uncommittedBytes = 0
  reads = new PendingReads()
  /** Before this tick nobody else can have been elected, if all clocks go alike. */
  leaseUntil = 0
  /** An heir was told to campaign, whom no lease of the others' stops: this term has no lease any more. */
  leaseBroken = false

  // What waits to be handed out.
  messages: Message[] = []
  /** Answers that promise something: they wait until what they promise is durable. Some are to this node itself. */
  responses: Message[] = []
  readStates: ReadState[] = []
  lostReads: string[] = []

  constructor (options: CoreOptions) {
    checkOptions(options)
    this.options = options
    this.id = options.id
    this.electionTicks = options.electionTicks
    this.heartbeatTicks = options.heartbeatTicks
    this.log = new Log(options.storage, options.applied, options.applyingBytesMax)
    this.log.commitTo(options.hardState.commit)
    this.term = options.hardState.term
    this.vote = options.hardState.vote
    this.heardLeaderAt = options.hardState.term > 0 ? 0 : -Infinity
    this.membership = restoreMembership(options.configuration, this.log.lastIndex, options)
    this.electionTimeout = this.drawElectionTimeout()
  }

  get hardState (): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.committed }
  }

  get softState (): SoftState {
    return { leader: this.leader, role: this.role }
  }

  /** What is known of this node's own log; undefined when it is no member. */
  get ownProgress (): Progress | undefined {
    return this.membership.progress.get(this.id)
  }

  get isLeader (): boolean {
    return this.role === 'leader'
  }

  /** A voter, and with its state whole: only such a node campaigns. */
  get promotable (): boolean {
    const own = this.ownProgress
    return own !== undefined && !own.learner && !this.log.restoring
  }

  /** Until then a new leader knows not all that is committed, nor whether it still may lead (section 5.4.2). */
  get hasCommittedInTerm (): boolean {
    return this.log.term(this.log.committed) === this.term
  }

  drawElectionTimeout (): number {
    return this.electionTicks + this.options.random(this.electionTicks)
  }

  /** The draft becomes the message. */
  send (draft: Draft): void {
    draft.from ??= this.id
    draft.term ??= this.term
    const message = draft as Message
    const promises = message.type === 'append-response' || message.type === 'vote-response' ||
      message.type === 'pre-vote-response'
    if (promises) this.responses.push(message)
    else this.messages.push(message)
  }

  trace (event: TraceEvent): void {
    this.options.trace?.(event)
  }
}
