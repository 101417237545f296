import { campaign, checkQuorum } from './election.ts'
import { broadcastHeartbeat } from './heartbeats.ts'
import { leaveJointIfDue } from './membership.ts'
import type { Raft } from './raft.ts'
import { abandonTransfer } from './transfer.ts'

/** The only clock there is. */
export function tick (raft: Raft): void {
  raft.ticks++
  raft.electionElapsed++
  if (raft.isLeader) tickLeader(raft)
  else if (raft.promotable && raft.electionElapsed >= raft.electionTimeout) {
    raft.electionElapsed = 0
    campaign(raft)
  }
}

function tickLeader (raft: Raft): void {
  raft.heartbeatElapsed++
  if (raft.electionElapsed >= raft.electionTicks) {
    raft.electionElapsed = 0
    if (raft.options.checkQuorum) checkQuorum(raft)
    if (!raft.isLeader) return
    abandonTransfer(raft)
    leaveJointIfDue(raft)
  }
  if (raft.heartbeatElapsed >= raft.heartbeatTicks) {
    raft.heartbeatElapsed = 0
    broadcastHeartbeat(raft, raft.reads.newest)
  }
}
