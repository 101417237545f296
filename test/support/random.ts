/** Numbers that a seed decides (mulberry32), so that a run can be had again. */
export class Random {
  #state: number

  constructor (seed: number) {
    this.#state = seed >>> 0
  }

  /** At least 0 and below 1. */
  number (): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }

  /** A whole number from 0 to `below`, which is excluded. */
  below (below: number): number {
    return Math.floor(this.number() * below)
  }

  /** True in so many of a hundred cases. */
  percent (percent: number): boolean {
    return this.number() * 100 < percent
  }

  pick<Item> (items: readonly Item[]): Item {
    return items[this.below(items.length)]!
  }
}
