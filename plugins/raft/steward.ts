import type { Database, NodeRecord } from '../../storage/database.ts'
import { isJoint, isVoter, type Configuration, type MemberChange, type MemberStatus, type NodeId } from './core/index.ts'
import type { Member } from './member.ts'

export interface StewardOptions {
  database: Database
  member: Member
  nodeId: NodeId
  /** Tells that the configuration is to change. */
  onChange: (changes: readonly MemberChange[]) => void
}

/** How often the leader compares the node list with the configuration. */
const intervalMs = 100

/**
 * Makes the configuration follow the node list, as leader. The list says who shall be what; whoever joins gets the log
 * as a learner first, and a vote once it has caught up; who leaves goes, the leader itself last of all and only when
 * another leads. Whatever breaks off, the next leader goes on from the list.
 */
export class Steward {
  readonly #options: StewardOptions
  readonly #timer: NodeJS.Timeout
  readonly #rounds = new CatchUpRounds()

  constructor (options: StewardOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#look(), intervalMs)
    this.#timer.unref()
  }

  close (): void {
    clearInterval(this.#timer)
  }

  #look (): void {
    const { database, member, nodeId, onChange } = this.#options
    if (!member.isLeader) return this.#rounds.clear()
    const { configuration, members, lastIndex, applied, transferee } = member.status
    // One change at a time, and none before what was there when this node began to lead is applied.
    if (isJoint(configuration) || transferee !== null) return
    this.#rounds.look(members, lastIndex, database.settings.electionMs)
    const changes = [...database.nodes.values()].flatMap((node) => (
      changeOf(node, configuration, this.#rounds.isCaughtUp(node.id))))
    if (changes.length === 0) return
    if (changes.some(({ type, node }) => node === nodeId && type !== 'voter')) {
      const heir = bestHeir(members, database.nodes, nodeId)
      if (heir !== null) member.transferLeadership(heir)
      return
    }
    if (applied < member.status.commit) return
    onChange(changes)
    member.proposeChange({ transition: 'auto', changes })
  }
}

/** What brings the node from what it is to what it shall be. */
export function changeOf (node: NodeRecord, configuration: Configuration, isCaughtUp: boolean): MemberChange[] {
  const { id, role, state } = node
  const votes = isVoter(configuration, id)
  const isMember = votes || configuration.learners.includes(id)
  if (state === 'removed') return []
  if (state === 'leaving') return isMember ? [{ type: 'remove', node: id }] : []
  if (!isMember) return [{ type: 'learner', node: id }]
  if (role === 'voter' && !votes && isCaughtUp) return [{ type: 'voter', node: id }]
  if (role === 'replica' && votes) return [{ type: 'learner', node: id }]
  return []
}

/** The voter that lacks least, of those that answer and stay. */
export function bestHeir (
  members: ReadonlyMap<NodeId, MemberStatus>, nodes: ReadonlyMap<NodeId, NodeRecord>, self: NodeId
): NodeId | null {
  let best: { id: NodeId, match: number } | null = null
  for (const [id, { learner, recentlyActive, match }] of members) {
    const node = nodes.get(id)
    const stays = node === undefined || (node.state !== 'leaving' && node.role === 'voter')
    if (id === self || learner || !recentlyActive || !stays) continue
    if (best === null || match > best.match) best = { id, match }
  }
  return best?.id ?? null
}

/**
 * A learner has caught up once it got, within an election timeout, all that the log held at that time's beginning: as a
 * voter it would hold nobody up (Raft thesis, section 4.2.1).
 */
class CatchUpRounds {
  readonly #rounds = new Map<NodeId, { goal: number, began: number }>()
  readonly #caughtUp = new Set<NodeId>()

  look (members: ReadonlyMap<NodeId, MemberStatus>, lastIndex: number, electionMs: number): void {
    const now = performance.now()
    for (const [id, { learner, match }] of members) {
      if (!learner) continue
      const round = this.#rounds.get(id)
      if (round === undefined) {
        this.#rounds.set(id, { goal: lastIndex, began: now })
      } else if (match >= round.goal) {
        if (now - round.began <= electionMs) this.#caughtUp.add(id)
        else this.#caughtUp.delete(id)
        this.#rounds.set(id, { goal: lastIndex, began: now })
      }
    }
  }

  isCaughtUp (id: NodeId): boolean {
    return this.#caughtUp.has(id)
  }

  clear (): void {
    this.#rounds.clear()
    this.#caughtUp.clear()
  }
}
