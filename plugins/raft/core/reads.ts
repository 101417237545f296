import { broadcastHeartbeat } from './heartbeats.ts'
import type { ReadRequest } from './pending-reads.ts'
import { voteResult } from './quorum.ts'
import type { Raft } from './raft.ts'
import type { NodeId } from './types.ts'

/** Linearizable reads without the log (Raft thesis, section 6.4): everything acknowledged so far is to be seen. */

/** A leader is asked, by its own node or another. */
export function handleReadIndex (raft: Raft, request: ReadRequest): void {
  // An older leader may have committed more than this one knows, until it commits an entry of its own.
  if (raft.hasCommittedInTerm) begin(raft, request)
  else raft.reads.postpone(request)
}

/** The leader has committed an entry of its own term: so reads that waited for that begin. */
export function releaseReads (raft: Raft): void {
  if (!raft.hasCommittedInTerm) return
  for (const request of raft.reads.takePostponed()) begin(raft, request)
}

/** A member said, after these reads came, that this node leads. */
export function confirmReads (raft: Raft, context: string, from: NodeId): void {
  const acks = raft.reads.acknowledge(context, from)
  if (acks === undefined || voteResult(raft.membership.configuration, acks) !== 'won') return
  for (const read of raft.reads.takeUpTo(context)) {
    // Who answered grants no vote for an election timeout; of that one tick is lost to where in it the ticks fell.
    raft.leaseUntil = read.began + raft.electionTicks - 1
    answer(raft, read, read.index)
  }
}

/** The configuration changed, and with it the quorum: that of those who have answered may be one now. */
export function recountReads (raft: Raft): void {
  const { newest } = raft.reads
  if (newest !== null) confirmReads(raft, newest, raft.id)
}

/** Whoever leads next does not know of these reads: they are to be asked again. */
export function loseReads (raft: Raft): void {
  for (const { from, context } of raft.reads.all) {
    if (from === raft.id) raft.lostReads.push(context)
  }
}

function begin (raft: Raft, request: ReadRequest): void {
  const { committed } = raft.log
  const { configuration } = raft.membership
  const alone = voteResult(configuration, new Map([[raft.id, true]])) === 'won'
  const leased = raft.options.leaseReads && raft.ticks < raft.leaseUntil && !raft.leaseBroken
  if (alone || leased) {
    answer(raft, request, committed)
  } else if (raft.reads.add(request, committed, raft.ticks, raft.id)) {
    broadcastHeartbeat(raft, request.context)
  }
}

function answer (raft: Raft, { from, context }: ReadRequest, index: number): void {
  if (from === raft.id) raft.readStates.push({ context, index })
  else raft.send({ type: 'read-index-response', to: from, index, context })
}
