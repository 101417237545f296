import type { Heartbeat, HeartbeatResponse } from './messages.ts'
import type { Progress } from './progress.ts'
import type { Raft } from './raft.ts'
import { confirmReads } from './reads.ts'
import { sendAppend } from './replication.ts'

/** Heartbeats keep followers from campaigning, carry the commit index, and prove to readers that the leader leads. */

export function broadcastHeartbeat (raft: Raft, context: string | null): void {
  for (const [to, progress] of raft.membership.progress) {
    if (to === raft.id) continue
    // A follower whose log is behind, or not the leader's further on, must not commit beyond where they meet.
    const commit = Math.min(progress.match, raft.log.committed)
    raft.send({ type: 'heartbeat', to, commit, context })
    progress.sentCommit(commit)
  }
}

export function handleHeartbeat (raft: Raft, { from, commit, context }: Heartbeat): void {
  raft.log.commitTo(commit)
  raft.send({ type: 'heartbeat-response', to: from, context })
}

export function handleHeartbeatResponse (raft: Raft, { from, context }: HeartbeatResponse, progress: Progress): void {
  progress.recentlyActive = true
  progress.paused = false
  // It lives: so send what it lacks, or, after losses, find out where its log ends.
  if (progress.match < raft.log.lastIndex || progress.state === 'probe') sendAppend(raft, from, progress)
  if (context !== null) confirmReads(raft, context, from)
}
