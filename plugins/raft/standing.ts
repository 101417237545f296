import { Problem } from '../../storage/problem.ts'
import type { NodeId } from './core/index.ts'
import { leaderlessReason } from './leaderless.ts'
import type { Member } from './member.ts'
import type { PeerStatus } from './transport/index.ts'

export interface StandingOptions {
  nodeId: () => NodeId
  peers: () => readonly PeerStatus[]
  addressOf: (id: NodeId) => string | null
}

/** Whether this node takes part in its cluster and can serve, and if not, why, in sentences for whoever asks. */
export class Standing {
  readonly #options: StandingOptions
  /** Null while this node takes no part in any cluster. */
  member: Member | null = null
  /** Why this node takes no part yet, or no more; null while it does. */
  outside: string | null = 'it has not started yet'
  /** Why the log takes nothing for now. */
  diskRefusal: Error | null = null

  constructor (options: StandingOptions) {
    this.#options = options
  }

  get leads (): boolean {
    return this.outside === null && this.member?.isLeader === true
  }

  /** What keeps this node from serving; null when nothing does. */
  get unready (): string | null {
    const { member } = this
    if (this.outside !== null) return this.outside
    if (member === null) return 'it has not started yet'
    if (member.failure !== null) return `writes have failed: ${member.failure.message}`
    if (this.diskRefusal !== null) return this.diskRefusal.message
    if (member.diskHangs) return 'the disk does not answer'
    if (member.leader === null) return this.leaderless
    return null
  }

  /** Why there is no leader, in a sentence. */
  get leaderless (): string {
    const { member } = this
    if (this.outside !== null) return this.outside
    if (member === null) return 'this node has not started yet'
    const { nodeId, peers, addressOf } = this.#options
    return leaderlessReason(nodeId(), member.configuration, peers(), addressOf)
  }

  /** Why this node takes no proposals; null when it does. */
  get refusal (): Problem | null {
    const { member } = this
    if (member !== null && member.failure !== null) return new Problem('STORAGE_FAILED', { reason: member.failure.message })
    if (this.outside !== null) return new Problem('NO_LEADER', { reason: this.outside })
    return null
  }
}
