import { decodeChange, entryTypes } from '../../../plugins/raft/core/index.ts'
import type {
  Configuration, Entry, HardState, MemberStatus, NodeId, ReadState, Role, Snapshot, SoftState,
} from '../../../plugins/raft/core/index.ts'
import { nodeNumber } from './ids.ts'

/** What the core holds, in the words of the transcripts. */

const roles: Record<Role, string> = {
  follower: 'StateFollower', 'pre-candidate': 'StatePreCandidate', candidate: 'StateCandidate', leader: 'StateLeader',
}

const states: Record<MemberStatus['state'], string> = {
  probe: 'StateProbe', replicate: 'StateReplicate', snapshot: 'StateSnapshot',
}

/**
 * The data of configuration entries that are to be shown as of the first version. Ours have but one form, which says
 * the same: so which one the transcript wanted is remembered beside them.
 */
export const firstVersion = new WeakSet<Buffer>()

export function describeRole (role: Role): string {
  return roles[role]
}

export function describeSoftState ({ leader, role }: SoftState): string {
  return `Lead:${leader === null ? 0 : nodeNumber(leader)} State:${roles[role]}`
}

export function describeHardState ({ term, vote, commit }: HardState): string {
  return `Term:${term}${vote === null ? '' : ` Vote:${nodeNumber(vote)}`} Commit:${commit}`
}

export function describeReadStates (reads: readonly ReadState[]): string {
  const each = reads.map(({ index, context }) => `{${index} [${[...Buffer.from(context)].join(' ')}]}`)
  return `[${each.join(' ')}]`
}

export function describeEntry ({ term, index, type, data }: Pick<Entry, 'term' | 'index' | 'type' | 'data'>): string {
  const place = `${term}/${index}`
  if (type !== entryTypes.configuration) return `${place} EntryNormal ${JSON.stringify(data.toString())}`
  const name = firstVersion.has(data) ? 'EntryConfChange' : 'EntryConfChangeV2'
  const changes = decodeChange(data).changes.map((change) => ` ${change.type[0]}${nodeNumber(change.node)}`)
  return `${place} ${name}${changes.join('')}`
}

export function describeSnapshot ({ index, term, configuration }: Snapshot): string {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = configuration
  const members = `Voters:[${numbers(voters)}] VotersOutgoing:[${numbers(votersOutgoing)}] ` +
    `Learners:[${numbers(learners)}] LearnersNext:[${numbers(learnersNext)}] AutoLeave:${autoLeave}`
  return `Index:${index} Term:${term} ConfState:${members}`
}

export function describeConfiguration (configuration: Configuration): string {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = configuration
  return `voters=(${numbers(voters)})` +
    (votersOutgoing.length > 0 ? `&&(${numbers(votersOutgoing)})` : '') +
    (learners.length > 0 ? ` learners=(${numbers(learners)})` : '') +
    (learnersNext.length > 0 ? ` learners_next=(${numbers(learnersNext)})` : '') +
    (autoLeave ? ' autoleave' : '')
}

export function describeProgress (id: NodeId, member: MemberStatus): string {
  const { state, match, next, learner, blocked, pendingSnapshot, recentlyActive, inflight, inflightFull } = member
  return `${nodeNumber(id)}: ${states[state]} match=${match} next=${next}` +
    (learner ? ' learner' : '') +
    (blocked ? ' paused' : '') +
    (pendingSnapshot > 0 ? ` pendingSnap=${pendingSnapshot}` : '') +
    (recentlyActive ? '' : ' inactive') +
    (inflight > 0 ? ` inflight=${inflight}${inflightFull ? '[full]' : ''}` : '')
}

function numbers (ids: readonly NodeId[]): string {
  return ids.map(nodeNumber).join(' ')
}
