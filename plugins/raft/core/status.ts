import type { ProgressState } from './progress.ts'
import type { Raft } from './raft.ts'
import type { Configuration, HardState, NodeId, SoftState } from './types.ts'

export interface MemberStatus {
  state: ProgressState
  match: number
  next: number
  learner: boolean
  recentlyActive: boolean
  /** Nothing is sent until an answer comes. */
  blocked: boolean
  /** Index of the snapshot that is on its way; 0 for none. */
  pendingSnapshot: number
  inflight: number
  inflightFull: boolean
}

export interface Status extends HardState, SoftState {
  id: NodeId
  applied: number
  firstIndex: number
  lastIndex: number
  configuration: Configuration
  /** Who leadership is being handed to. */
  transferee: NodeId | null
  /** In order of ids; empty but on a leader. */
  members: ReadonlyMap<NodeId, MemberStatus>
}

export function status (raft: Raft): Status {
  const { id, log, membership, transferee, hardState, softState } = raft
  const members = new Map<NodeId, MemberStatus>()
  for (const [member, progress] of raft.isLeader ? membership.progress : []) {
    const { state, match, next, learner, recentlyActive, blocked, pendingSnapshot, inflights } = progress
    const { count: inflight, full: inflightFull } = inflights
    members.set(member, {
      state, match, next, learner, recentlyActive, blocked, pendingSnapshot, inflight, inflightFull,
    })
  }
  const { applied, firstIndex, lastIndex } = log
  const { configuration } = membership
  return { ...hardState, ...softState, id, transferee, members, applied, firstIndex, lastIndex, configuration }
}
