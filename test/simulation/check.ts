import type { Entry, Message, Status } from '../../plugins/raft/core/index.ts'
import type { ApplyRequest, PersistRequest } from '../../plugins/raft/driver.ts'
import type { SimNode } from './node.ts'

/**
 * A promise that is checked while the simulation runs. Each hook is told of what one node does, before anybody else
 * can know of it, and throws a `Violation`. What a hook does is little: it runs at every step.
 */
export interface Check {
  /** The node begins a life. */
  started? (node: SimNode): void
  /** The node did all that there was to do. */
  turned? (node: SimNode, status: Status): void
  /** A message has come, and the node does not know it yet. */
  received? (node: SimNode, message: Message): void
  /** The node asks its disk for something. */
  persisting? (node: SimNode, request: PersistRequest): void
  /** The node asks for a read, by this name. */
  reading? (node: SimNode, context: string): void
  /** The node says something. */
  sending? (node: SimNode, message: Message): void
  applying? (node: SimNode, entries: readonly Entry[]): void
  applied? (node: SimNode, request: ApplyRequest): void
  /** The node's state machine is that of a snapshot. */
  installed? (node: SimNode): void
}
