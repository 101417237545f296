import { emptyConfiguration, encodeChange, entryTypes } from '../../../plugins/raft/core/index.ts'
import type {
  ConfigurationChange, MemberChange, Message, MessageType, NodeId, ProposalResult, Status,
} from '../../../plugins/raft/core/index.ts'
import { Node } from './node.ts'
import type { Beginning, Tuning } from './node.ts'

/** Messages from `from` to `to`, and of these only one type when it is given. */
type Path = [from: NodeId, to: NodeId, type?: MessageType]

/**
 * Cores on one wire, on which nothing moves and whose disks write nothing until the test says so. `settle` does all
 * that is to be done, in a fixed order.
 */
export class Cluster {
  readonly #nodes = new Map<NodeId, Node>()
  readonly #tuning: Tuning
  /** Nodes that no message reaches or leaves. */
  #apart = new Set<NodeId>()
  /** Sent and not delivered, oldest first. */
  wire: Message[] = []

  /** Voters with empty logs, who know each other. */
  constructor (voters: readonly NodeId[], tuning: Tuning = {}) {
    this.#tuning = tuning
    for (const id of voters) this.add(id, { configuration: { ...emptyConfiguration, voters } })
  }

  /** A node that knows nothing, when `beginning` isn't given. */
  add (id: NodeId, beginning: Beginning = { configuration: emptyConfiguration }, tuning: Tuning = {}): Node {
    const node = new Node(id, beginning, { ...this.#tuning, ...tuning }, (message) => { this.wire.push(message) })
    this.#nodes.set(id, node)
    return node
  }

  node (id: NodeId): Node {
    const node = this.#nodes.get(id)
    if (node === undefined) throw new Error(`there is no node ${id}`)
    return node
  }

  status (id: NodeId): Status {
    return this.node(id).core.status
  }

  get ids (): NodeId[] {
    return [...this.#nodes.keys()]
  }

  tick (id: NodeId, times = 1): void {
    for (let n = 0; n < times; n++) this.node(id).run((core) => { core.tick() })
  }

  campaign (id: NodeId): void {
    this.node(id).run((core) => { core.campaign() })
  }

  /** These followers take their leader for gone, and stand in nobody's way. */
  forget (...ids: NodeId[]): void {
    for (const id of ids) this.node(id).run((core) => { core.forgetLeader() })
  }

  propose (id: NodeId, ...texts: string[]): ProposalResult {
    const entries = texts.map((text) => ({ type: entryTypes.command, data: Buffer.from(text) }))
    return this.node(id).run((core) => core.propose(entries))
  }

  change (id: NodeId, changes: MemberChange[], transition: ConfigurationChange['transition'] = 'auto'): ProposalResult {
    const data = encodeChange({ transition, changes })
    return this.node(id).run((core) => core.propose([{ type: entryTypes.configuration, data }]))
  }

  /** @returns the context, under which the answer comes in `node(id).reads` */
  read (id: NodeId): string | null {
    return this.node(id).run((core) => core.readIndex())
  }

  transfer (id: NodeId, to: NodeId): void {
    this.node(id).run((core) => { core.transferLeadership(to) })
  }

  persist (...ids: NodeId[]): void {
    for (const id of ids) this.node(id).persist()
  }

  crash (id: NodeId): void {
    this.node(id).crash()
  }

  /** From what it had made durable. */
  restart (id: NodeId): void {
    this.node(id).start()
  }

  /** What is on the wire there. */
  sent (...path: Path): Message[] {
    return this.wire.filter((message) => isOn(message, path))
  }

  /** Hands over what is on the wire there. @throws Error when that is nothing */
  deliver (...path: Path): Message[] {
    const messages = this.drop(...path)
    for (const message of messages) this.node(message.to).step(message)
    return messages
  }

  /** Loses what is on the wire there. @throws Error when that is nothing */
  drop (...path: Path): Message[] {
    const messages = this.sent(...path)
    if (messages.length === 0) throw new Error(`nothing is on the wire: ${path.join(' ')}`)
    this.wire = this.wire.filter((message) => !isOn(message, path))
    return messages
  }

  /** From now on nothing reaches or leaves these nodes. */
  isolate (...ids: NodeId[]): void {
    this.#apart = new Set(ids)
  }

  heal (): void {
    this.isolate()
  }

  /** Every disk writes and every message arrives, until there are no more. Nobody's time passes. */
  settle (): void {
    for (let round = 0; round < 1000; round++) {
      for (const node of this.#up) node.persist()
      const wire = this.wire.splice(0)
      for (const message of wire) {
        const { from, to } = message
        if (this.#apart.has(from) || this.#apart.has(to)) continue
        const receiver = this.#nodes.get(to)
        if (receiver?.isUp === true) receiver.step(message)
      }
      if (this.wire.length === 0 && this.#up.every(({ writes }) => writes.length === 0)) return
    }
    throw new Error('there is no end to it')
  }

  /** Time passes on these nodes, or all, and all is done that is to be done after each tick. */
  pass (ticks: number, ids: readonly NodeId[] = this.ids): void {
    for (let n = 0; n < ticks; n++) {
      for (const id of ids) if (this.node(id).isUp) this.tick(id)
      this.settle()
    }
  }

  /** @throws Error when that node does not win */
  elect (id: NodeId): void {
    this.campaign(id)
    this.settle()
    const { role, term } = this.status(id)
    if (role !== 'leader') throw new Error(`node ${id} is a ${role} in term ${term}`)
  }

  get #up (): Node[] {
    return [...this.#nodes.values()].filter(({ isUp }) => isUp)
  }
}

function isOn ({ from, to, type }: Message, [pathFrom, pathTo, pathType]: Path): boolean {
  return from === pathFrom && to === pathTo && (pathType === undefined || type === pathType)
}
