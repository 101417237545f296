/** Something that happens at a moment. It may take real time, but no virtual time: the next one waits for it. */
export type Happening = () => void | Promise<void>

interface Event {
  micros: number
  sequence: number
  happen: Happening
}

/** What is yet to happen, in the order of virtual time; at the same moment, in the order in which it was planned. */
export class Events {
  /** Virtual time, in microseconds. */
  now = 0
  /** How many events have happened. */
  steps = 0
  #sequence = 0
  /** A binary heap. */
  readonly #heap: Event[] = []

  after (micros: number, happen: Happening): void {
    const event = { micros: this.now + Math.max(0, Math.round(micros)), sequence: this.#sequence++, happen }
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(event, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = event
  }

  /** Takes the next event, and sets the clock to its time. Something is always planned: clocks tick. */
  next (): Event {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length > 0) this.#sink(last)
    this.now = first.micros
    this.steps++
    return first
  }

  #sink (event: Event): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, event)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = event
  }
}

function isBefore (a: Event, b: Event): boolean {
  return a.micros < b.micros || (a.micros === b.micros && a.sequence < b.sequence)
}
