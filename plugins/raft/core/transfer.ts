import type { Progress } from './progress.ts'
import type { Raft } from './raft.ts'
import { sendAppend } from './replication.ts'
import type { NodeId } from './types.ts'

/**
 * Leadership transfer (Raft thesis, section 3.10): proposals wait, the heir gets all that it lacks, then it is told to
 * campaign at once. After one election timeout without success, the leader goes on as before.
 */
export function handleTransfer (raft: Raft, to: NodeId, progress: Progress): void {
  if (progress.learner || to === raft.transferee) return
  abandonTransfer(raft)
  if (to === raft.id) return
  raft.electionElapsed = 0
  raft.transferee = to
  raft.trace({ event: 'transfer', to, state: 'begun' })
  if (progress.match === raft.log.lastIndex) sendTimeoutNow(raft, to)
  else sendAppend(raft, to, progress)
}

export function sendTimeoutNow (raft: Raft, to: NodeId): void {
  raft.leaseBroken = true
  raft.send({ type: 'timeout-now', to })
}

export function abandonTransfer (raft: Raft): void {
  if (raft.transferee === null) return
  raft.trace({ event: 'transfer', to: raft.transferee, state: 'abandoned' })
  raft.transferee = null
}
