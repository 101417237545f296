import type { Cluster } from './cluster.ts'
import { describe } from './history.ts'
import type { GivenReceipt, History } from './history.ts'
import { checkSame } from './receipt-law.ts'
import { clockOf, inquire } from './receipts.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'
import { about } from './world.ts'

const lookMicros = 10_000

/** In the calm it has the cluster asked no more often. */
const askMicros = 200_000

/** It looks at this many of the newest receipts most often: what becomes of their writes is being decided. */
const newest = 20

/**
 * Asks nodes what they know of writes, also of those whose clients have long been told, and as each database is at the
 * moment, behind or not. When all is calm it sees to it that every receipt tells in the end.
 */
export class Auditor {
  readonly #world: World
  readonly #cluster: Cluster
  readonly #history: History
  /** In the calm: of these it has not been told yet. */
  #open: GivenReceipt[] | null = null
  #askAt = 0

  constructor (world: World, cluster: Cluster, history: History) {
    this.#world = world
    this.#cluster = cluster
    this.#history = history
  }

  start (): void {
    if (!this.#world.plan.receipts) return
    this.#world.events.after(about(this.#world, lookMicros), async () => {
      if (this.#open === null) await this.#look()
      else await this.#settle()
      this.start()
    })
  }

  /** No more writes are taken in. */
  finish (): void {
    this.#open ??= [...this.#history.receipts]
  }

  /** What has not come about yet; null when every receipt tells. */
  get missing (): string | null {
    const [first] = this.#world.plan.receipts ? this.#open ?? [] : []
    return first === undefined ? null : `the receipt of ${describe(first)} does not tell`
  }

  async #look (): Promise<void> {
    const { chance, product, counts } = this.#world
    const { receipts } = this.#history
    const { up } = this.#cluster
    if (receipts.length === 0 || up.length === 0) return
    const among = chance.chance(0.8) ? receipts.slice(-newest) : receipts
    const given = chance.pick(among)
    const fate = await product.readReceipt(chance.pick(up).machine.database, given.receipt)
    if (fate === null) return
    counts.add('receipts looked at')
    checkSame(given, fate)
  }

  /** Who asks makes the database's clock go on, and then most others need not ask the cluster any more. */
  async #settle (): Promise<void> {
    const { chance, events, counts, product } = this.#world
    const members = this.#cluster.up.filter(({ id }) => this.#cluster.isMember(id))
    const left: GivenReceipt[] = []
    for (const given of this.#open!) {
      const fate = await product.readReceipt(chance.pick(members).machine.database, given.receipt)
      if (fate === null) left.push(given)
      else checkSame(given, fate)
    }
    this.#open = left
    const due = left.find(({ receipt }) => members.every((node) => clockOf(node, events.now) > receipt.deadline))
    if (due === undefined || events.now < this.#askAt) return
    this.#askAt = events.now + askMicros
    const [leader] = this.#cluster.leaders
    await inquire(this.#world, this.#cluster, chance.pick(members), due, (fate) => {
      counts.add('receipts asked at the end')
      if (fate !== null || this.#cluster.leaders.at(0) !== leader) return
      throw new Violation('receipts', `${describe(due)}: its deadline is past by every clock, a leader is known, and its receipt does not tell`)
    })
  }
}
