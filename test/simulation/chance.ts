import { Random } from '../support/random.ts'

/** The only source of chance in a simulation. */
export class Chance extends Random {
  /** A whole number from `least` to `most`, both included. */
  between (least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  /** True so often; 0 is never and 1 always. */
  chance (share: number): boolean {
    return this.number() < share
  }

  /** One of the items, each as likely as its weight says. */
  weighted<Item> (items: readonly (readonly [weight: number, item: Item])[]): Item {
    let left = this.number() * items.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, item] of items) {
      left -= weight
      if (left < 0) return item
    }
    return items.at(-1)![1]
  }

  shuffled<Item> (items: readonly Item[]): Item[] {
    const left = [...items]
    return items.map(() => left.splice(this.below(left.length), 1)[0]!)
  }
}
