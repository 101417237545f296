import type { NodeId } from './types.ts'

/** A read that a leader was asked for. */
export interface ReadRequest {
  /** Who asked: this node, or the one that passed it on. */
  from: NodeId
  context: string
}

interface PendingRead extends ReadRequest {
  /** The commit index when the read came: what it must see. */
  index: number
  /** In ticks. */
  began: number
  acks: Map<NodeId, boolean>
}

/** Reads that wait on a leader for a quorum to say that it still leads, oldest first (Raft thesis, section 6.4). */
export class PendingReads {
  #queue: PendingRead[] = []
  /** Came before the leader had committed an entry of its own term. */
  #early: ReadRequest[] = []

  postpone (request: ReadRequest): void {
    this.#early.push(request)
  }

  takePostponed (): ReadRequest[] {
    return this.#early.splice(0)
  }

  /** False when the context is known: it is one read, asked for twice. */
  add (request: ReadRequest, index: number, began: number, self: NodeId): boolean {
    if (this.#queue.some(({ context }) => context === request.context)) return false
    this.#queue.push({ ...request, index, began, acks: new Map([[self, true]]) })
    return true
  }

  /** The context that the next heartbeat carries: a quorum for the newest is one for all before it. */
  get newest (): string | null {
    return this.#queue.at(-1)?.context ?? null
  }

  /** Who said so far that the node led after the read came; undefined for a read that is answered already. */
  acknowledge (context: string, from: NodeId): ReadonlyMap<NodeId, boolean> | undefined {
    return this.#queue.find((read) => read.context === context)?.acks.set(from, true)
  }

  /** Takes out that read and all before it. */
  takeUpTo (context: string): PendingRead[] {
    return this.#queue.splice(0, this.#queue.findIndex((read) => read.context === context) + 1)
  }

  get all (): readonly ReadRequest[] {
    return [...this.#queue, ...this.#early]
  }
}
