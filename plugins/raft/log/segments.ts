import type { Segment } from './segment.ts'
import type { HardState, Position } from './types.ts'

/**
 * The log as the disk has it, or is about to: the segments, oldest first, and the state after the last record that was
 * handed to the disk. What only waits to be written is not in here.
 */
export class Segments {
  #list: Segment[]
  #lastIndex: number
  #lastTerm: number
  hardState: HardState

  constructor (first: Segment) {
    this.#list = [first]
    this.#lastIndex = first.header.before.index
    this.#lastTerm = first.header.before.term
    this.hardState = first.header.hardState
  }

  get oldest (): Segment {
    return this.#list[0] as Segment
  }

  /** The one that is written to. */
  get active (): Segment {
    return this.#list[this.#list.length - 1] as Segment
  }

  get lastIndex (): number {
    return this.#lastIndex
  }

  get last (): Position {
    return { index: this.#lastIndex, term: this.#lastTerm }
  }

  all (): readonly Segment[] {
    return this.#list
  }

  /** The segment that holds the entry. */
  find (index: number): Segment | undefined {
    return this.#list.findLast((segment) => segment.positions.has(index))
  }

  /** Notes an entry at an offset of the active segment. It replaces what had its index and all after that. */
  place (index: number, term: number, offset: number): void {
    if (index <= this.#lastIndex) {
      for (const segment of this.#list) segment.positions.truncate(index)
    }
    this.active.place(index, term, offset)
    this.#lastIndex = index
    this.#lastTerm = term
  }

  /** The log goes on in `segment`. */
  add (segment: Segment): void {
    this.#list.push(segment)
  }

  /** The log begins anew with `segment`. Returns those that are no longer part of it. */
  replace (segment: Segment): Segment[] {
    const old = this.#list
    this.#list = [segment]
    this.#lastIndex = segment.header.before.index
    this.#lastTerm = segment.header.before.term
    return old
  }

  /**
   * Takes out and returns the segments that hold nothing after `index`.
   *
   * A segment can become the oldest only if the position in its header is still true: no entry at or before it was
   * replaced since. Otherwise the older segments hold the entries between, and wait for a later call.
   */
  compact (index: number): Segment[] {
    let lowestIndex = Infinity
    for (let i = this.#list.length - 1; i > 0; i--) {
      const segment = this.#list[i] as Segment
      const before = segment.header.before.index
      lowestIndex = Math.min(lowestIndex, segment.lowestIndex)
      if (before <= index && lowestIndex > before) return this.#list.splice(0, i)
    }
    return []
  }
}
