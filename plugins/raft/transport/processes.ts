import type { NodeId } from '../core/index.ts'

export interface ProcessesOptions {
  /** Where a member listens for others, as host:port; null when that is not known. */
  addressOf: (id: NodeId) => string | null
  /** Which process of the node answers at the address now; null when none does. */
  instanceAt: (id: NodeId, address: string) => Promise<string | null>
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

  /** Where another process than this one runs as the node; null when none answers. */
  async twinOf (id: NodeId, instance: string): Promise<string | null> {
    const address = this.#addressOf(id)
    if (address === null) return null
    const there = await this.#options.instanceAt(id, address)
    return there === null || there === instance ? null : address
  }

  #addressOf (id: NodeId): string | null {
    return this.#last.get(id)?.address ?? this.#options.addressOf(id)
  }
}
