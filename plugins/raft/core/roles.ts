import { PendingReads } from './pending-reads.ts'
import { Progress } from './progress.ts'
import type { Raft } from './raft.ts'
import { loseReads } from './reads.ts'
import { appendProposals } from './replication.ts'
import { entryTypes } from './types.ts'
import type { NodeId } from './types.ts'

/** Who a node is, and what it forgets when that changes (Raft paper, figure 4). */

export function becomeFollower (raft: Raft, term: number, leader: NodeId | null): void {
  reset(raft, term)
  raft.leader = leader
  enter(raft, 'follower')
}

/** Asks how an election would go. Term and vote stay, and so whoever leads is not disturbed. */
export function becomePreCandidate (raft: Raft): void {
  raft.votes = new Map()
  raft.leader = null
  enter(raft, 'pre-candidate')
}

export function becomeCandidate (raft: Raft): void {
  reset(raft, raft.term + 1)
  raft.vote = raft.id
  enter(raft, 'candidate')
}

/** A leader begins with an entry of its own term: only that lets it commit what leaders before it left (5.4.2). */
export function becomeLeader (raft: Raft): void {
  reset(raft, raft.term)
  raft.leader = raft.id
  enter(raft, 'leader')
  const own = raft.ownProgress!
  own.becomeReplicate()
  own.recentlyActive = true
  // A configuration change may be among the entries that were there before: none is proposed until they are applied.
  raft.pendingChangeIndex = raft.log.lastIndex
  appendProposals(raft, [{ type: entryTypes.command, data: Buffer.alloc(0) }])
}

function reset (raft: Raft, term: number): void {
  if (raft.term !== term) {
    raft.term = term
    raft.vote = null
  }
  raft.leader = null
  raft.electionElapsed = 0
  raft.heartbeatElapsed = 0
  raft.electionTimeout = raft.drawElectionTimeout()
  raft.transferee = null
  raft.votes = new Map()
  forgetProgress(raft)
  raft.pendingChangeIndex = 0
  raft.uncommittedBytes = 0
  loseReads(raft)
  raft.reads = new PendingReads()
  raft.leaseUntil = 0
  raft.leaseBroken = false
}

function forgetProgress (raft: Raft): void {
  const { configuration, progress } = raft.membership
  const { lastIndex } = raft.log
  const fresh = new Map<NodeId, Progress>()
  for (const [id, { learner }] of progress) {
    const match = id === raft.id ? lastIndex : 0
    fresh.set(id, new Progress({ match, next: lastIndex + 1, learner, recentlyActive: false }, raft.options))
  }
  raft.membership = { configuration, progress: fresh }
}

function enter (raft: Raft, role: Raft['role']): void {
  raft.role = role
  raft.trace({ event: 'role', role, term: raft.term, leader: raft.leader })
}
