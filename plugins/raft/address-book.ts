import type { Database } from '../../storage/database.ts'
import { allMembers, type Configuration, type NodeId } from './core/index.ts'
import type { JoinAnswer } from './join.ts'

/** Who the other nodes are, and where they listen, from whatever source knows it best. */
export class AddressBook {
  readonly #database: Database
  /** What peers said in handshakes, which is newer than the node list after a restart. */
  readonly #said = new Map<NodeId, string>()
  /** What this node was told as it joined: all that it knows until its database says more. */
  answer: JoinAnswer | null = null

  constructor (database: Database) {
    this.#database = database
  }

  /** A node says where it listens. */
  learn (id: NodeId, address: string): void {
    this.#said.set(id, address)
  }

  /** As host:port; null while it is not known. */
  addressOf (id: NodeId): string | null {
    const said = this.#said.get(id)
    if (said !== undefined) return said
    const listed = this.#database.nodes.get(id)?.peerAddress
    if (listed !== undefined && listed !== '') return listed
    return this.answer?.members.find((member) => member.id === id)?.peerAddress ?? null
  }

  isRemoved (id: NodeId): boolean {
    return this.#database.nodes.get(id)?.state === 'removed'
  }

  /** The node list, and whoever the configuration or the answer to the join call names; `self` is none of them. */
  peers (configuration: Configuration, self: NodeId): Set<NodeId> {
    const ids = new Set(this.answer?.members.map(({ id }) => id))
    for (const id of allMembers(configuration)) ids.add(id)
    for (const { id, state } of this.#database.nodes.values()) {
      if (state === 'removed') ids.delete(id)
      else ids.add(id)
    }
    ids.delete(self)
    return ids
  }

  /** Where the others are, as far as that is known. */
  others (self: NodeId): string[] {
    return this.members.filter(({ id, peerAddress }) => id !== self && peerAddress !== '').map(({ peerAddress }) => peerAddress)
  }

  /** What whoever joins is told: the members, and where each listens, if that is known. */
  get members (): JoinAnswer['members'] {
    return [...this.#database.nodes.values()].filter(({ state }) => state !== 'removed')
      .map(({ id }) => ({ id, peerAddress: this.addressOf(id) ?? '' }))
  }
}
