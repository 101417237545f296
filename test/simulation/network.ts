import type { Message, NodeId } from '../../plugins/raft/core/index.ts'
import type { World } from './world.ts'
import { about } from './world.ts'

/** Carries messages between nodes: late, twice, in another order, or not at all. */
export class Network {
  readonly #world: World
  readonly #deliver: (message: Message) => void
  /** Ways that are cut, as `from>to`. */
  readonly #cut = new Set<string>()
  /** Ways on which everything takes so much longer, in microseconds. */
  readonly #slow = new Map<string, number>()

  constructor (world: World, deliver: (message: Message) => void) {
    this.#world = world
    this.#deliver = deliver
  }

  isCut (from: NodeId, to: NodeId): boolean {
    return this.#cut.size > 0 && this.#cut.has(`${from}>${to}`)
  }

  /** One way only. */
  cut (from: NodeId, to: NodeId): void {
    this.#cut.add(`${from}>${to}`)
  }

  /** One way only. */
  slow (from: NodeId, to: NodeId, micros: number): void {
    this.#world.counts.add('slow ways')
    this.#slow.set(`${from}>${to}`, micros)
  }

  heal (): void {
    this.#cut.clear()
    this.#slow.clear()
  }

  send (message: Message): void {
    const { chance, plan, calm, counts, events } = this.#world
    if (!calm && chance.chance(plan.loss)) {
      counts.add('messages lost')
      return
    }
    const copies = !calm && chance.chance(plan.duplication) ? 2 : 1
    if (copies === 2) counts.add('messages doubled')
    const slow = this.#slow.get(`${message.from}>${message.to}`) ?? 0
    for (let copy = 0; copy < copies; copy++) events.after(this.delay() + slow, () => { this.#arrive(message) })
  }

  delay (): number {
    const { chance, plan, calm, counts } = this.#world
    const micros = about(this.#world, plan.networkMicros)
    if (calm || !chance.chance(plan.straggling)) return micros
    counts.add('messages late')
    return micros * chance.between(2, chance.chance(0.2) ? 200 : 20)
  }

  /** A way that was cut meanwhile takes what is on it along. */
  #arrive (message: Message): void {
    if (this.isCut(message.from, message.to)) this.#world.counts.add('messages cut off')
    else this.#deliver(message)
  }
}
