import { setImmediate as afterThisTurn } from 'node:timers/promises'
import type { RowOperation } from './store.ts'

/** A lazy batch waits so long for others, if nobody asks for what it holds. */
const lingerMs = 20

/** So many operations are worth a write of their own, and take the main thread about a millisecond. */
const operationsMax = 512

/** While somebody reads from the disk no batch is lazy: each read would have to wait for it. */
const readersGoneMs = 100

interface Group {
  operations: RowOperation[]
  timer: NodeJS.Timeout | null
  /** Resolves when the operations are in the store. */
  written: Promise<void>
  /** Begins to write, once what is on its way is there. */
  begin: () => void
}

/**
 * Puts batches together that come one after another: a write to the store by itself costs as much as some hundred
 * operations. One is on its way at a time. After a failure there is none any more, for what the store holds is unknown.
 */
export class Gathering {
  readonly #write: (operations: RowOperation[]) => Promise<void>
  #group: Group | null = null
  /** The newest write that has begun; it stays when it failed. */
  #running: Promise<void> | null = null
  #lastRead = -Infinity

  constructor (write: (operations: RowOperation[]) => Promise<void>) {
    this.#write = write
  }

  /** Resolves when the operations are in the store, all at once. */
  add (operations: readonly RowOperation[], isLazy: boolean): Promise<void> {
    const group = this.#group ??= this.#open()
    for (const operation of operations) group.operations.push(operation)
    if (isLazy && group.operations.length < operationsMax && performance.now() - this.#lastRead > readersGoneMs) {
      group.timer ??= setTimeout(group.begin, lingerMs)
    } else {
      group.begin()
    }
    return group.written
  }

  /** For a read: null when it need not wait, else what resolves when all that was added before is in the store. */
  forReader (): Promise<void> | null {
    this.#lastRead = performance.now()
    return this.settled()
  }

  /** The same for whoever does not come again soon. */
  settled (): Promise<void> | null {
    if (this.#group === null) return this.#running
    const { begin, written } = this.#group
    begin()
    return written
  }

  #open (): Group {
    const operations: RowOperation[] = []
    let begin!: () => void
    const begun = new Promise<void>((resolve) => { begin = resolve })
    const group: Group = { operations, timer: null, written: begun.then(() => this.#run(group)), begin }
    group.written.catch(() => {})
    return group
  }

  async #run (group: Group): Promise<void> {
    if (group.timer !== null) clearTimeout(group.timer)
    try {
      // Those who wait for what was written get their answers first.
      await (this.#running ?? afterThisTurn())
    } finally {
      this.#group = null
    }
    const running = this.#write(group.operations)
    this.#running = running
    await running
    if (this.#running === running) this.#running = null
  }
}
