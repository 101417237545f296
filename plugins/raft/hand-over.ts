import type { Database } from '../../storage/database.ts'
import type { NodeId } from './core/index.ts'
import type { Member } from './member.ts'
import { bestHeir } from './steward.ts'
import { waitFor } from './wait-for.ts'

export interface HandOverOptions {
  member: Member
  database: Database
  nodeId: NodeId
  /** Null for whichever follower is best. */
  to: NodeId | null
}

/** Resolves when the other leads, or with false when nobody took over within two election timeouts. */
export async function handOver ({ member, database, nodeId, to }: HandOverOptions): Promise<boolean> {
  if (member.leader === null) return false
  const heir = to ?? bestHeir(member.status.members, database.nodes, nodeId)
  if (heir === null) return false
  if (member.leader === heir) return true
  member.transferLeadership(heir)
  const isDone = (): boolean => to === null ? !member.isLeader : member.leader === to
  return await waitFor(member, isDone, database.settings.electionMs * 2)
}
