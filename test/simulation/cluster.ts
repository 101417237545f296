import { allMembers, emptyConfiguration } from '../../plugins/raft/core/index.ts'
import type { Configuration, InstallSnapshot, Message, NodeId } from '../../plugins/raft/core/index.ts'
import { beginning, idOf, nothing } from './beginning.ts'
import type { Canon } from './canon.ts'
import { Checks } from './checks.ts'
import { describeMessage, shortId } from './describe.ts'
import { Machine } from './machine.ts'
import type { Contents } from './machine.ts'
import { Network } from './network.ts'
import { SimNode } from './node.ts'
import type { Surroundings } from './node.ts'
import type { World } from './world.ts'
import { say } from './world.ts'

/** All nodes that there ever were, and what is between them. */
export class Cluster implements Surroundings {
  readonly nodes = new Map<NodeId, SimNode>()
  readonly network: Network
  readonly checks: Checks
  readonly #world: World
  readonly #canon: Canon

  constructor (world: World, canon: Canon) {
    this.#world = world
    this.#canon = canon
    this.checks = new Checks(world.plan, canon, this.nodes)
    this.network = new Network(world, (message) => { this.#deliver(message) })
  }

  /** The first members, with a database that holds a collection to write to. */
  async begin (voters: number, learners: number): Promise<void> {
    const ids = Array.from({ length: voters + learners }, (_, at) => idOf(at + 1))
    const configuration: Configuration = {
      ...emptyConfiguration, voters: ids.slice(0, voters), learners: ids.slice(voters),
    }
    const contents = await beginning(configuration, ({ revision, text }) => {
      this.#canon.change(revision, text.toString(), 'the beginning')
    })
    const { index, term } = contents
    while (this.nodes.size < ids.length) await this.#add(contents, { term, vote: null, commit: index })
  }

  /** A node with an empty disk, and an id that nobody has had. */
  async add (): Promise<SimNode> {
    return this.#add(await nothing(emptyConfiguration), { term: 0, vote: null, commit: 0 })
  }

  async #add (contents: Contents, hardState: { term: number, vote: null, commit: number }): Promise<SimNode> {
    const id = idOf(this.nodes.size + 1)
    const machine = await Machine.of(contents, this.#world.product.Database)
    const { index, term } = contents
    const node = new SimNode(this.#world, this, id, shortId(id), { machine, hardState, before: { index, term } })
    this.nodes.set(id, node)
    node.start()
    return node
  }

  get up (): SimNode[] {
    return [...this.nodes.values()].filter(({ isUp }) => isUp)
  }

  /** Who thinks that it leads; the newest term first. */
  get leaders (): SimNode[] {
    return this.up.filter(({ soft }) => soft.role === 'leader').sort((a, b) => b.status.term - a.status.term)
  }

  /** The configuration of who has applied most. */
  get configuration (): Configuration {
    return this.ahead.machine.configuration
  }

  /** Who has applied most, dead or alive. */
  get ahead (): SimNode {
    const nodes = [...this.nodes.values()]
    return nodes.reduce((ahead, node) => node.machine.applied.index > ahead.machine.applied.index ? node : ahead)
  }

  isMember (id: NodeId): boolean {
    return allMembers(this.configuration).includes(id)
  }

  /** A member still counts on this node, if only because it has not heard of the node's removal. */
  isNeeded (id: NodeId): boolean {
    return allMembers(this.configuration).some((member) => {
      const { lost, machine } = this.nodes.get(member)!
      return member === id || (!lost && allMembers(machine.configuration).includes(id))
    })
  }

  // Between nodes.

  send (message: Message): void {
    this.network.send(message)
  }

  #deliver (message: Message, contents?: Contents): void {
    const node = this.nodes.get(message.to)
    if (node === undefined || !node.isUp) return
    const { trace } = this.#world
    trace.mix(message.term * 31 + message.type.length)
    trace.mix('index' in message ? message.index : 0)
    if (trace.wanted) say(this.#world, node.name, () => `gets ${describeMessage(message)}`)
    node.receive(message, contents)
  }

  /** The bytes take their time, and may not arrive; the sender always learns which. */
  transfer (message: InstallSnapshot, contents: Contents, report: (arrived: boolean) => void): void {
    const { chance, plan, events, counts, calm } = this.#world
    const { from, to } = message
    const breaksOff = !calm && chance.chance(plan.snapshotLoss)
    counts.add('snapshots')
    events.after(this.network.delay() * chance.between(2, 30), () => {
      const arrived = !breaksOff && this.nodes.get(to)?.isUp === true && !this.network.isCut(from, to)
      if (!arrived) counts.add('snapshots lost')
      say(this.#world, shortId(from), () => `'s snapshot at ${message.snapshot.index} for ${shortId(to)} ` +
        (arrived ? 'has arrived' : 'is lost half-way'))
      if (arrived) this.#deliver(message, contents)
      events.after(this.network.delay(), () => { report(arrived) })
    })
  }
}
