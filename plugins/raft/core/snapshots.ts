import { restoreMembership } from './changer.ts'
import { allMembers } from './configuration.ts'
import type { InstallSnapshot } from './messages.ts'
import type { Progress } from './progress.ts'
import type { Raft } from './raft.ts'
import { acknowledge } from './replication.ts'
import { becomeFollower } from './roles.ts'
import type { NodeId, Snapshot } from './types.ts'

/** InstallSnapshot (Raft paper, section 7). The core decides who needs one; the driver moves the bytes. */

/** The member needs entries that the log no longer holds. False when it cannot be sent one now. */
export function sendSnapshot (raft: Raft, to: NodeId, progress: Progress): boolean {
  // Who is down would hold up a whole transfer; it gets the snapshot once it answers heartbeats.
  if (!progress.recentlyActive) return false
  const snapshot = raft.log.snapshot()
  // In one of before it was a member it would not find itself, and make nothing of it: a newer one comes.
  if (snapshot === undefined || !allMembers(snapshot.configuration).includes(to)) return false
  progress.becomeSnapshot(snapshot.index)
  raft.send({ type: 'snapshot', to, snapshot })
  const { state, match, next } = progress
  raft.trace({ event: 'progress', member: to, state, match, next })
  return true
}

/** The driver's report of a transfer. */
export function handleSnapshotReport (raft: Raft, from: NodeId, progress: Progress, arrived: boolean): void {
  if (progress.state !== 'snapshot') return
  if (!arrived) progress.pendingSnapshot = 0
  progress.becomeProbe()
  // Arrived: the member's own answer comes next. Failed: the next try waits for the answer to a heartbeat.
  progress.paused = true
  const { state, match, next } = progress
  raft.trace({ event: 'progress', member: from, state, match, next })
}

/** A follower's side. */
export function handleSnapshot (raft: Raft, { from, snapshot }: InstallSnapshot): void {
  acknowledge(raft, from, restore(raft, snapshot) ? raft.log.lastIndex : raft.log.committed)
}

/** False when the snapshot tells nothing that the log does not. */
function restore (raft: Raft, snapshot: Snapshot): boolean {
  const { log, id } = raft
  const { index, term, configuration } = snapshot
  if (index <= log.committed) return false
  if (raft.role !== 'follower') {
    // Nobody sends a leader of the same term a snapshot. If it came to that, a new term is the safe way out.
    becomeFollower(raft, raft.term + 1, null)
    return false
  }
  const { voters, votersOutgoing, learners } = configuration
  if (![voters, votersOutgoing, learners].some((ids) => ids.includes(id))) return false
  if (log.holds(snapshot)) {
    log.commitTo(index)
    return false
  }
  log.restore(snapshot)
  raft.membership = restoreMembership(configuration, log.lastIndex, raft.options)
  raft.trace({ event: 'restore', snapshot: { index, term } })
  raft.trace({ event: 'configuration', configuration })
  return true
}
