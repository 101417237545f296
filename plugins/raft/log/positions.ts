/**
 * Where each entry of one segment is, and its term: 12 bytes an entry, so that millions of entries stay cheap. The
 * entries are those that count, with consecutive indexes; what was replaced later is not among them.
 */
export class Positions {
  #first = 0
  #count = 0
  #offsets = new Uint32Array(64)
  #terms = new Float64Array(64)

  /** Of the last entry here; -1 when there is none. */
  get lastIndex (): number {
    return this.#count === 0 ? -1 : this.#first + this.#count - 1
  }

  has (index: number): boolean {
    return index >= this.#first && index < this.#first + this.#count
  }

  /** Of an entry that is here. */
  offsetOf (index: number): number {
    return this.#offsets[index - this.#first] as number
  }

  /** Of an entry that is here. */
  termOf (index: number): number {
    return this.#terms[index - this.#first] as number
  }

  /** Adds the entry after the last one. */
  add (index: number, term: number, offset: number): void {
    if (this.#count === 0) this.#first = index
    if (this.#count === this.#offsets.length) this.#grow()
    this.#offsets[this.#count] = offset
    this.#terms[this.#count] = term
    this.#count++
  }

  /** Forgets the entry and all after it. */
  truncate (index: number): void {
    this.#count = Math.min(this.#count, Math.max(0, index - this.#first))
  }

  #grow (): void {
    const offsets = new Uint32Array(this.#count * 2)
    const terms = new Float64Array(this.#count * 2)
    offsets.set(this.#offsets)
    terms.set(this.#terms)
    this.#offsets = offsets
    this.#terms = terms
  }
}
