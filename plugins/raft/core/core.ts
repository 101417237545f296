import { campaign } from './election.ts'
import { applyConfiguration, leaveJointIfDue } from './membership.ts'
import type { Message } from './messages.ts'
import { checkOptions } from './options.ts'
import type { CoreOptions } from './options.ts'
import { handlePropose } from './proposals.ts'
import type { ProposalResult } from './proposals.ts'
import { Raft } from './raft.ts'
import { handleReadIndex } from './reads.ts'
import type { PersistReceipt, Ready } from './ready.ts'
import { handleUnreachable, releaseUncommitted, sendEntries } from './replication.ts'
import { becomeFollower } from './roles.ts'
import { handleSnapshotReport } from './snapshots.ts'
import { status } from './status.ts'
import type { Status } from './status.ts'
import { step } from './step.ts'
import type { StepRefusal } from './step.ts'
import { tick } from './tick.ts'
import { handleTransfer } from './transfer.ts'
import { totalBytes } from './types.ts'
import type { Configuration, Entry, HardState, NodeId, ProposedEntry, SoftState } from './types.ts'

/**
 * Raft as a pure state machine: inputs in, one `Ready` out. It has no clock, no chance but the generator it is given,
 * and does no I/O, so the same inputs always give the same outputs.
 *
 * Its driver, in a loop: hands it what came in; takes a `Ready`; does what that says; reports what was done.
 */
export class Core {
  readonly #raft: Raft
  #softState: SoftState
  #hardState: HardState
  #reads = 0

  /** @throws RangeError for options that cannot work together */
  constructor (options: CoreOptions) {
    this.#raft = new Raft(options)
    this.#softState = this.#raft.softState
    this.#hardState = options.hardState
  }

  get id (): NodeId {
    return this.#raft.id
  }

  /** The state machine holds everything up to here. */
  get appliedIndex (): number {
    return this.#raft.log.applied
  }

  /** The disk is known to hold the log up to here. */
  get durableIndex (): number {
    return this.#raft.log.durable
  }

  get status (): Status {
    return status(this.#raft)
  }

  /** Time passes. */
  tick (): void {
    tick(this.#raft)
  }

  /** Takes a message. Null when it was taken, which says nothing of what comes of it. */
  step (message: Message): StepRefusal | null {
    return step(this.#raft, message)
  }

  /** On a leader the entries get their places at once; all of them, or none when that is refused. */
  propose (entries: readonly ProposedEntry[]): ProposalResult {
    return handlePropose(this.#raft, entries, this.#raft.id)
  }

  /**
   * Asks up to where the state machine must have been applied for a read that sees every write acknowledged before
   * now. The answer comes in `Ready.reads` under the context that is returned, or not at all: ask again after a while.
   * Null when no leader is known.
   */
  readIndex (): string | null {
    const { id, leader, isLeader, options } = this.#raft
    if (leader === null) return null
    const context = `${id}.${options.incarnation}.${++this.#reads}`
    if (isLeader) handleReadIndex(this.#raft, { from: id, context })
    else this.#raft.send({ type: 'read-index', to: leader, term: 0, context })
    return context
  }

  /** Campaigns at once. */
  campaign (): void {
    campaign(this.#raft)
  }

  /** Stops leading at once. What was proposed may still be committed, by whoever leads next. */
  stepDown (): void {
    if (this.#raft.isLeader) becomeFollower(this.#raft, this.#raft.term, null)
  }

  /** Has the leader hand its place on; nothing happens when none is known, or `to` is no voter. */
  transferLeadership (to: NodeId): void {
    const { isLeader, leader, membership, role } = this.#raft
    const progress = membership.progress.get(to)
    if (isLeader && progress !== undefined) handleTransfer(this.#raft, to, progress)
    else if (role === 'follower' && leader !== null) this.#raft.send({ type: 'transfer-leader', from: to, to: leader })
  }

  /**
   * Somebody who knows says that the leader is gone: so this follower no longer stands in the way of an election. Not
   * with reads by lease, which rest on that it does.
   */
  forgetLeader (): void {
    if (this.#raft.role === 'follower' && !this.#raft.options.leaseReads) this.#raft.leader = null
  }

  /** Messages to the member are being lost. */
  reportUnreachable (id: NodeId): void {
    const progress = this.#raft.membership.progress.get(id)
    if (this.#raft.isLeader && progress !== undefined) handleUnreachable(this.#raft, id, progress)
  }

  /** The transfer of a snapshot to the member has ended. */
  reportSnapshot (id: NodeId, arrived: boolean): void {
    const progress = this.#raft.membership.progress.get(id)
    if (this.#raft.isLeader && progress !== undefined) handleSnapshotReport(this.#raft, id, progress, arrived)
  }

  /** Other timeouts from now on. */
  setTimeouts (electionTicks: number, heartbeatTicks: number): void {
    checkOptions({ ...this.#raft.options, electionTicks, heartbeatTicks })
    this.#raft.electionTicks = electionTicks
    this.#raft.heartbeatTicks = heartbeatTicks
    this.#raft.electionTimeout = this.#raft.drawElectionTimeout()
  }

  /** Whether `ready` has something to give. */
  get hasReady (): boolean {
    const { log, messages, responses, readStates, lostReads, options } = this.#raft
    return messages.length > 0 || responses.length > 0 || readStates.length > 0 || lostReads.length > 0 ||
      log.hasNewUnstable || log.newSnapshot !== null || log.hasCommittedToApply(options.applyUnstable) ||
      this.#newSoftState() !== null || this.#newHardState() !== null
  }

  /** Takes all that is to be done. Where committed entries must be fetched first, they come after `fetched`. */
  ready (): Ready {
    const raft = this.#raft
    const { log, options, messages, responses } = raft
    const hardState = this.#newHardState()
    const softState = this.#newSoftState()
    const entries = log.newUnstable
    const snapshot = log.newSnapshot
    const committed = log.committedToApply(options.applyUnstable)
    const mustSync = entries.length > 0 ||
      (hardState !== null && (hardState.term !== this.#hardState.term || hardState.vote !== this.#hardState.vote))
    const receipt = log.hasUnstable || snapshot !== null
      ? { term: raft.term, last: log.hasUnstable ? log.lastId : null, snapshot }
      : null
    const { readStates: reads, lostReads } = raft

    raft.messages = []
    raft.responses = []
    raft.readStates = []
    raft.lostReads = []
    this.#hardState = hardState ?? this.#hardState
    this.#softState = softState ?? this.#softState
    log.acceptUnstable()
    log.acceptApplying(committed, options.applyUnstable)
    return {
      softState, hardState, mustSync, entries, snapshot, messages, responses, receipt, committed, reads, lostReads,
    }
  }

  /** What the receipt's Ready asked to be made durable is so. Receipts are given back in order. */
  persisted ({ term, last, snapshot }: PersistReceipt): void {
    const { log } = this.#raft
    // Entries of another term may have replaced these and then been replaced by the same again: only the disk's word
    // in the term that is now says that they are there.
    if (last !== null && term === this.#raft.term) log.stableTo(last)
    if (snapshot !== null) {
      log.stableSnapshot(snapshot.index)
      this.#appliedTo(snapshot.index, 0)
    }
  }

  /** A configuration entry's turn has come. Returns the configuration that is in force then, to be kept. */
  applyConfiguration (entry: Pick<Entry, 'data'>): Configuration {
    return applyConfiguration(this.#raft, entry)
  }

  /** The state machine holds these entries of `Ready.committed`. */
  applied (entries: readonly Entry[]): void {
    const last = entries.at(-1)
    if (last === undefined) return
    this.#appliedTo(last.index, totalBytes(entries))
    releaseUncommitted(this.#raft, entries)
  }

  /** Entries that the storage lacked are in memory now: what waited for them goes on. */
  fetched (): void {
    this.#raft.log.fetched()
    if (!this.#raft.isLeader) return
    for (const [id, progress] of this.#raft.membership.progress) {
      if (id === this.#raft.id) continue
      while (sendEntries(this.#raft, id, progress));
    }
  }

  #appliedTo (index: number, bytes: number): void {
    this.#raft.log.appliedTo(index, bytes)
    leaveJointIfDue(this.#raft)
  }

  #newSoftState (): SoftState | null {
    const { leader, role } = this.#raft
    return leader === this.#softState.leader && role === this.#softState.role ? null : { leader, role }
  }

  #newHardState (): HardState | null {
    const { term, vote, log: { committed: commit } } = this.#raft
    const { term: oldTerm, vote: oldVote, commit: oldCommit } = this.#hardState
    return term === oldTerm && vote === oldVote && commit === oldCommit ? null : { term, vote, commit }
  }
}
