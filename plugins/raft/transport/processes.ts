import type { NodeId } from '../core/index.ts'
import { maybeTwinRefusal, twinRefusal, type PeerRefusal } from './handshake.ts'

export interface ProcessesOptions {
  /** Where a member listens for others, as host:port; null when that is not known. */
  addressOf: (id: NodeId) => string | null
  /** Which process of the node answers at the address now; null when none does, `silent` when nobody says so soon. */
  instanceAt: (id: NodeId, address: string) => Promise<string | null | 'silent'>
  /** Whether a process of the node is connected. */
  isConnected: (id: NodeId) => boolean
}

interface Process {
  instance: string
  address: string | null
}

/**
 * Which process speaks for each node. A node that was started again is another process than before, and so is one that
 * runs on a copy of its folder: they are told apart by asking, where the node was last, whether it still runs there.
 */
export class Processes {
  readonly #options: ProcessesOptions
  readonly #last = new Map<NodeId, Process>()

  constructor (options: ProcessesOptions) {
    this.#options = options
  }

  isLast (id: NodeId, instance: string): boolean {
    return this.#last.get(id)?.instance === instance
  }

  /** A process may speak for the node from now on. */
  learn (id: NodeId, { instance, address }: Process): void {
    this.#last.set(id, { instance, address: address ?? this.#addressOf(id) })
  }

  /**
   * Why this process may not speak for the node: another one does. Null when none answers where it was last. One that
   * is connected may only be slow to answer: as long as it is, the other has to wait.
   */
  async refusal (id: NodeId, instance: string): Promise<PeerRefusal | null> {
    const address = this.#addressOf(id)
    if (address === null) return null
    const there = await this.#options.instanceAt(id, address)
    if (there === 'silent') return this.#options.isConnected(id) ? maybeTwinRefusal(address) : null
    return there === null || there === instance ? null : twinRefusal(address)
  }

  #addressOf (id: NodeId): string | null {
    return this.#last.get(id)?.address ?? this.#options.addressOf(id)
  }
}
