/** So many buckets are kept: about a megabyte. */
const bucketsMax = 10_000

interface Bucket {
  /** Failures that are not yet forgotten. */
  level: number
  at: number
}

/**
 * Counts wrong credentials and says when somebody has to wait. Failures are forgotten evenly, so many a minute as are
 * allowed (a leaky bucket). The memory is bounded: what
 * failed longest ago is forgotten first.
 */
export class Attempts {
  readonly #max: number
  readonly #now: () => number
  readonly #buckets = new Map<string, Bucket>()

  /**
   * @param max failures at once, and a minute
   * @param now milliseconds of a clock that never goes back
   */
  constructor (max: number, now: () => number = () => performance.now()) {
    this.#max = max
    this.#now = now
  }

  get size (): number {
    return this.#buckets.size
  }

  /** Seconds until this one may try again; 0 when it may now. */
  waitSeconds (who: string): number {
    const over = this.#level(who) + 1 - this.#max
    return over <= 0 ? 0 : Math.max(1, Math.ceil(over * 60 / this.#max))
  }

  /** One more failure. It is counted when the try begins, so that many at once are not more than one after another. */
  add (who: string): void {
    const level = this.#level(who) + 1
    this.#buckets.delete(who)
    // The order is that of the last failures.
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size >= bucketsMax && oldest !== undefined) this.#buckets.delete(oldest)
    this.#buckets.set(who, { level, at: this.#now() })
  }

  /** The try was no failure after all. */
  takeBack (who: string): void {
    const bucket = this.#buckets.get(who)
    if (bucket !== undefined) bucket.level = Math.max(0, bucket.level - 1)
  }

  #level (who: string): number {
    const bucket = this.#buckets.get(who)
    if (bucket === undefined) return 0
    return Math.max(0, bucket.level - (this.#now() - bucket.at) / 60_000 * this.#max)
  }
}
