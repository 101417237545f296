import { everything, readHistory } from '../../storage/history.ts'
import type { Canon } from './canon.ts'
import type { Cluster } from './cluster.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

/** Follows the feed, a page from this node and a page from that: what it reads is the one feed, without a gap. */
export class FeedReader {
  readonly #world: World
  readonly #cluster: Cluster
  readonly #canon: Canon
  #position = 0

  constructor (world: World, cluster: Cluster, canon: Canon) {
    this.#world = world
    this.#cluster = cluster
    this.#canon = canon
  }

  async readOn (): Promise<void> {
    const { chance, counts } = this.#world
    const up = this.#cluster.up
    if (up.length === 0) return
    const node = chance.pick(up)
    const { database } = node.machine
    // Now and then from the beginning, as a new copy would.
    if (chance.chance(0.05)) this.#position = 0
    const { changes } = await readHistory(database.store, {
      since: this.#position,
      until: database.revision,
      filter: everything,
      limit: chance.between(1, 200),
      bytesMax: 100_000,
      scanMax: 1000,
    })
    counts.add('feed pages')
    for (const { revision, text } of changes) {
      if (revision !== ++this.#position) {
        throw new Violation('feed', `a page of ${node.name} goes from ${this.#position - 1} to ${revision}`)
      }
      if (text.toString() !== this.#canon.feed[revision]) {
        throw new Violation('feed', `change ${revision} of ${node.name} is not the one that was applied`)
      }
    }
  }
}
