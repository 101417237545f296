const remembered = 1000

/** Remembers what was said last about whom, so that it is said once, and not at every attempt. */
export class Told {
  readonly #last = new Map<string, string>()

  isNew (who: string, what: string): boolean {
    if (this.#last.get(who) === what) return false
    this.forget(who)
    this.#last.set(who, what)
    // Strangers may be many. The one that was new longest ago is forgotten.
    if (this.#last.size > remembered) this.#last.delete(this.#last.keys().next().value!)
    return true
  }

  forget (who: string): void {
    this.#last.delete(who)
  }
}
