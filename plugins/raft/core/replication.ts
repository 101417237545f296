import { committedIndex } from './quorum.ts'
import type { Append, AppendResponse } from './messages.ts'
import type { Progress } from './progress.ts'
import type { Raft } from './raft.ts'
import { releaseReads } from './reads.ts'
import { sendSnapshot } from './snapshots.ts'
import { sendTimeoutNow } from './transfer.ts'
import { dataBytes, totalBytes } from './types.ts'
import type { Entry, NodeId, ProposedEntry } from './types.ts'

/**
 * AppendEntries (Raft paper, section 5.3), pipelined (thesis, section 10.2.1): the leader's end of it, then the
 * follower's.
 */

/** Gives the proposals their places at the end of the leader's log. False, and nothing done, when too much waits. */
export function appendProposals (raft: Raft, proposals: readonly ProposedEntry[]): boolean {
  const bytes = proposals.reduce((sum, { data }) => sum + data.length, 0)
  // One that is too large by itself is let in alone, and a no-op always.
  const { uncommittedBytesMax } = raft.options
  if (raft.uncommittedBytes > 0 && bytes > 0 && raft.uncommittedBytes + bytes > uncommittedBytesMax) return false
  raft.uncommittedBytes += bytes
  const first = raft.log.lastIndex + 1
  raft.log.append(proposals.map(({ type, data }, at) => ({ index: first + at, term: raft.term, type, data })))
  // The leader counts itself like any other: once its own disk holds the entries.
  acknowledge(raft, raft.id, raft.log.lastIndex)
  return true
}

/** Committed and applied entries make room for proposals. */
export function releaseUncommitted (raft: Raft, entries: readonly Entry[]): void {
  raft.uncommittedBytes = Math.max(0, raft.uncommittedBytes - dataBytes(entries))
}

/** Commits what a quorum holds. Only entries of the leader's own term count; older ones come with them (5.4.2). */
export function advanceCommit (raft: Raft): boolean {
  const { configuration, progress } = raft.membership
  const index = committedIndex(configuration, (id) => progress.get(id)?.match ?? 0)
  if (index <= raft.log.committed || raft.log.term(index) !== raft.term) return false
  raft.log.commitTo(index)
  return true
}

/** Sends each follower what it lacks and its window has room for; or just the commit index, in an empty append. */
export function broadcastAppend (raft: Raft): void {
  for (const [id, progress] of raft.membership.progress) {
    if (id !== raft.id) sendAppend(raft, id, progress)
  }
}

/** Sends entries where there are any to send. */
export function broadcastEntries (raft: Raft): void {
  for (const [id, progress] of raft.membership.progress) {
    if (id !== raft.id) sendEntries(raft, id, progress)
  }
}

export function sendAppend (raft: Raft, to: NodeId, progress: Progress): boolean {
  return send(raft, to, progress, true)
}

/** False when there is nothing to send, or no room in the window. */
export function sendEntries (raft: Raft, to: NodeId, progress: Progress): boolean {
  return send(raft, to, progress, false)
}

function send (raft: Raft, to: NodeId, progress: Progress, evenIfEmpty: boolean): boolean {
  if (progress.blocked) return false
  const { log, options } = raft
  const index = progress.next - 1
  const logTerm = log.term(index)
  if (logTerm === undefined || progress.next < log.firstIndex) return sendSnapshot(raft, to, progress)
  // With a full window an append is empty. If all that filled the window was lost, its answer opens it again.
  const full = progress.state === 'replicate' && progress.inflights.full
  const entries = full ? [] : log.entriesFrom(progress.next, options.appendBytesMax)
  if (entries === undefined || (entries.length === 0 && !evenIfEmpty)) return false
  raft.send({ type: 'append', to, index, logTerm, commit: log.committed, entries })
  progress.sent(entries.length, totalBytes(entries))
  progress.sentCommit(log.committed)
  return true
}

/** A follower answered an append. */
export function handleAppendResponse (raft: Raft, message: AppendResponse, progress: Progress): void {
  const { from, index, reject, hint, hintTerm } = message
  progress.recentlyActive = true
  if (reject) {
    const next = hintTerm > 0 ? raft.log.newestUpTo(hint, hintTerm).index : hint
    if (!progress.rejected(index, next)) return
    if (progress.state === 'replicate') changeState(raft, from, progress, () => { progress.becomeProbe() })
    sendAppend(raft, from, progress)
    return
  }
  // One that tells nothing new still ends a probe: the logs meet where it was known that they do.
  if (!progress.accepted(index) && !(progress.match === index && progress.state === 'probe')) return
  if (progress.state === 'replicate') {
    progress.inflights.freeUpTo(index)
  } else if (progress.state === 'probe') {
    changeState(raft, from, progress, () => { progress.becomeReplicate() })
  } else if (progress.match + 1 >= raft.log.firstIndex) {
    // Whichever snapshot it has, the log can take it from there.
    changeState(raft, from, progress, () => { progress.becomeProbe(); progress.becomeReplicate() })
  }

  if (advanceCommit(raft)) {
    releaseReads(raft)
    broadcastAppend(raft)
  } else if (from !== raft.id && progress.wouldAdvance(raft.log.committed)) {
    sendAppend(raft, from, progress)
  }
  if (from !== raft.id) {
    while (sendEntries(raft, from, progress));
  }
  if (from === raft.transferee && progress.match === raft.log.lastIndex) sendTimeoutNow(raft, from)
}

/** Messages to the member are being lost: what is in the window may be, so find out where its log ends. */
export function handleUnreachable (raft: Raft, from: NodeId, progress: Progress): void {
  if (progress.state === 'replicate') changeState(raft, from, progress, () => { progress.becomeProbe() })
}

/** A follower's side: appends what follows its own log, and tells where that ends or fails to meet the leader's. */
export function handleAppend (raft: Raft, { from, index, logTerm, commit, entries }: Append): void {
  const { log } = raft
  if (index < log.committed) {
    // Late or doubled. All committed entries are the leader's too, and its answer may have been lost.
    acknowledge(raft, from, log.committed)
    return
  }
  const differs = log.appendAfter({ index, term: logTerm }, entries)
  if (differs === null) {
    const { index: hint, term: hintTerm } = log.newestUpTo(Math.min(index, log.lastIndex), logTerm)
    raft.send({ type: 'append-response', to: from, index, reject: true, hint, hintTerm })
    return
  }
  if (differs > 0) raft.trace({ event: 'conflict', index: differs, term: raft.term })
  // Entries beyond what this append has verified may differ from the leader's.
  const verified = index + entries.length
  log.commitTo(Math.min(commit, verified))
  acknowledge(raft, from, verified)
}

/** Promises that the log, up to there, is durable and the leader's: so it is sent when it is durable. */
export function acknowledge (raft: Raft, to: NodeId, index: number): void {
  raft.send({ type: 'append-response', to, index, reject: false, hint: 0, hintTerm: 0 })
}

function changeState (raft: Raft, member: NodeId, progress: Progress, change: () => void): void {
  change()
  const { state, match, next } = progress
  raft.trace({ event: 'progress', member, state, match, next })
}
