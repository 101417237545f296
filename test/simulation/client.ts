import type { NodeId } from '../../plugins/raft/core/index.ts'
import type { Fate } from '../../storage/fate.ts'
import type { Cluster } from './cluster.ts'
import { shortId } from './describe.ts'
import type { FeedReader } from './feed-reader.ts'
import { describe } from './history.ts'
import type { GivenReceipt, History, Operation, OperationKind, OperationResult } from './history.ts'
import type { SimNode } from './node.ts'
import { checkSame } from './receipt-law.ts'
import { inquire, takeIn } from './receipts.ts'
import { isRejection, serve } from './requests.ts'
import type { Reply } from './requests.ts'
import type { World } from './world.ts'
import { about, say } from './world.ts'

const attemptsMax = 12

/** So often it asks by a receipt before it gives up. When all is calm it must be told in the end. */
const inquiriesMax = 40

/** Asks one thing after another, each until it is answered or given up. */
export class Client {
  readonly name: string
  /** How many writes, and reads, were answered. */
  readonly answered = { writes: 0, reads: 0 }
  readonly #world: World
  readonly #cluster: Cluster
  readonly #history: History
  readonly #feed: FeedReader
  #asked = 0
  /** Whom it believes to lead. */
  #leader: NodeId | null = null
  /** The newest revision that it knows of each key. */
  readonly #known = new Map<string, number>()
  #stopped = false
  /** What it waits for an answer to. */
  #current: Operation | null = null

  constructor (world: World, cluster: Cluster, history: History, name: string, feed: FeedReader) {
    this.#world = world
    this.#cluster = cluster
    this.#history = history
    this.#feed = feed
    this.name = name
  }

  start (): void {
    this.#soon(() => this.#begin())
  }

  get isBusy (): boolean {
    return this.#current !== null
  }

  /** Asks nothing new. */
  stop (): void {
    this.#stopped = true
  }

  /** Asks nothing new, and does not wait for an answer either. */
  pause (): void {
    this.#stopped = true
    if (this.#current !== null) this.#giveUp(this.#current)
  }

  /** Goes on after `pause`. */
  resume (): void {
    this.#stopped = false
    this.#soon(() => this.#begin())
  }

  #soon (happen: () => void | Promise<void>): void {
    this.#world.events.after(about(this.#world, this.#world.plan.thinkMicros), happen)
  }

  async #begin (): Promise<void> {
    if (this.#stopped || this.#current !== null) return
    const { chance, plan, events } = this.#world
    if (chance.chance(0.2)) await this.#feed.readOn()
    const kind = chance.weighted<OperationKind>([[4, 'put'], [1, 'delete'], [2, 'compare'], [1, 'record'], [4, 'read']])
    const key = `key-${chance.below(plan.keys)}`
    const known = this.#known.get(key) ?? 0
    const id = `${this.name}-${++this.#asked}`
    const operation = this.#history.call(id, kind, key, kind === 'compare' ? known : 0, events.steps)
    this.#current = operation
    say(this.#world, this.name, () => `asks: ${kind} ${id} of ${key}`)
    this.#attempt(operation, chance.pick([0, 20, 200]), 1)
  }

  #attempt (operation: Operation, padding: number, attempt: number): void {
    const { chance, events, calm, plan, counts } = this.#world
    if (operation !== this.#current) return
    if (attempt > attemptsMax || (!calm && attempt > 1 && chance.chance(0.1))) {
      this.#giveUp(operation)
      return
    }
    const node = this.#choose(operation)
    if (attempt > 1) counts.add('retries')
    let answered = false
    const next = (reply: Reply | null): void => {
      if (answered || operation !== this.#current) return
      answered = true
      if (reply === null) counts.add('client time-outs')
      const hint = reply?.kind === 'again' ? reply.leader : null
      this.#leader = hint
      if (this.#world.trace.wanted) {
        const why = reply === null ? 'no answer' : reply.kind === 'again' ? reply.why : ''
        say(this.#world, this.name, () => `asks again: ${operation.kind} ${operation.id}, for ${shortId(node.id)}: ${why}`)
      }
      const given = operation.receipts.at(-1)
      // Who was refused knows enough, most often.
      const asks = given !== undefined && chance.chance(reply === null ? 0.8 : 0.1)
      events.after(about(this.#world, 5_000 * attempt), () => {
        if (asks) this.#inquire(operation, given, padding, attempt, 1)
        else this.#attempt(operation, padding, attempt + 1)
      })
    }
    events.after(this.#cluster.network.delay(), () => {
      if (!calm && chance.chance(plan.loss)) return
      if (!node.isUp) {
        next({ kind: 'again', why: 'unreachable', leader: null })
        return
      }
      const isReceipted = plan.receipts && operation.kind !== 'read'
      const taken = isReceipted ? takeIn(this.#world, this.#history, node, operation) : null
      serve(this.#world, this.#cluster, node, { operation, padding, taken }, (reply) => {
        if (!this.#world.calm && chance.chance(plan.loss)) return
        events.after(this.#cluster.network.delay(), () => {
          if (reply.kind === 'again') next(reply)
          else this.#answer(operation, reply.result, node)
        })
      })
    })
    events.after(chance.between(50_000, 500_000), () => { next(null) })
  }

  /** Asks any node what became of the newest attempt, until that is certain. */
  #inquire (operation: Operation, given: GivenReceipt, padding: number, attempt: number, inquiry: number): void {
    const { chance, events, calm, plan, counts } = this.#world
    if (operation !== this.#current) return
    if (!calm && inquiry > inquiriesMax) {
      this.#giveUp(operation)
      return
    }
    counts.add('receipts asked')
    const node = this.#choose(operation)
    let answered = false
    const next = (fate: Fate | null): void => {
      if (answered || operation !== this.#current) return
      answered = true
      this.#leader = null
      if (fate !== null) return this.#told(operation, given, fate, padding, attempt, node)
      events.after(about(this.#world, 20_000), () => {
        this.#inquire(operation, given, padding, attempt, inquiry + 1)
      })
    }
    events.after(this.#cluster.network.delay(), () => {
      if ((!calm && chance.chance(plan.loss)) || !node.isUp) return
      return inquire(this.#world, this.#cluster, node, given, (fate) => {
        if (!this.#world.calm && chance.chance(plan.loss)) return
        events.after(this.#cluster.network.delay(), () => { next(fate) })
      })
    })
    events.after(chance.between(50_000, 500_000), () => { next(null) })
  }

  #told (
    operation: Operation, given: GivenReceipt, fate: Fate, padding: number, attempt: number, node: SimNode
  ): void {
    say(this.#world, this.name, () => `is told by ${node.name} of ${describe(given)}: ${JSON.stringify(fate)}`)
    this.#world.counts.add(`receipts ${fate.state}`)
    checkSame(given, fate)
    const { revision: database } = node.machine.database
    if (fate.state === 'committed') {
      this.#answer(operation, { what: 'done', revision: fate.revision, created: null, database: fate.revision }, node, true)
    } else if (!isRejection(fate.code)) this.#answer(operation, { what: 'refused', database }, node, true)
    else if (operation.queued !== null || operation.receipts.length === 1) {
      this.#answer(operation, { what: 'rejected', database }, node, true)
    } else this.#attempt(operation, padding, attempt + 1)
  }

  /** Reads go anywhere, writes to whom it believes to lead. */
  #choose ({ kind }: Operation): SimNode {
    const { chance } = this.#world
    const leader = this.#leader === null || kind === 'read' ? undefined : this.#cluster.nodes.get(this.#leader)
    if (leader !== undefined && chance.chance(0.9)) return leader
    const members = [...this.#cluster.nodes.values()].filter(({ id }) => this.#cluster.isMember(id))
    return chance.pick(members)
  }

  #answer (operation: Operation, result: OperationResult, node: SimNode, byReceipt = false): void {
    if (operation !== this.#current) return
    const { events, counts } = this.#world
    say(this.#world, this.name, () => `is told by ${node.name}: ${operation.kind} ${operation.id} ${JSON.stringify(result)}`)
    this.#current = null
    this.#history.answer(operation, result, events.steps, byReceipt)
    if (operation.kind === 'read') this.answered.reads++
    else this.answered.writes++
    counts.add(operation.kind === 'read' ? 'reads' : 'writes')
    if (operation.kind !== 'read' && !byReceipt) this.#leader = node.id
    if (result.what === 'done' || result.what === 'seen') this.#known.set(operation.key, operation.kind === 'delete' ? 0 : result.revision)
    this.#soon(() => this.#begin())
  }

  /** Its outcome stays unknown. */
  #giveUp (operation: Operation): void {
    this.#current = null
    this.#world.counts.add('unknown outcomes')
    say(this.#world, this.name, () => `gives up: ${operation.kind} ${operation.id}`)
    this.#soon(() => this.#begin())
  }
}
