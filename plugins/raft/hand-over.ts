import type { Database } from '../../storage/database.ts'
import type { NodeId } from './core/index.ts'
import type { Member } from './member.ts'
import { bestHeir } from './steward.ts'
import { waitFor } from './wait-for.ts'

export interface HandOverOptions {
  member: Pick<Member, 'leader' | 'isLeader' | 'status' | 'failure' | 'watch' | 'transferLeadership'>
  database: Pick<Database, 'nodes' | 'settings'>
  nodeId: NodeId
  /** Null for whichever follower is best. */
  to: NodeId | null
}

/**
 * Resolves when the other leads, or with false when nobody took over within three election timeouts. An heir that has
 * not yet applied the newest change of members does not campaign, and the leader goes on after one election timeout
 * (Raft thesis, section 3.10): then it is asked once more.
 */
export async function handOver ({ member, database, nodeId, to }: HandOverOptions): Promise<boolean> {
  if (member.leader === null) return false
  const heir = to ?? bestHeir(member.status.members, database.nodes, nodeId)
  if (heir === null) return false
  if (member.leader === heir) return true
  const isDone = (): boolean => to === null ? !member.isLeader : member.leader === to
  for (let attempt = 0; attempt < 2 && member.failure === null; attempt++) {
    // No transfer is begun anew while one to the same heir is still under way.
    member.transferLeadership(heir)
    if (await waitFor(member, isDone, database.settings.electionMs * 1.5)) return true
  }
  return false
}
