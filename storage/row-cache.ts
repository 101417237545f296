import { rowName, type RowKey, type Store } from './store.ts'

/** Names, map slots and buffers take about so much beside the bytes of a row. */
const rowOverheadBytes = 200

/**
 * Rows that were read or written lately, absent ones included. It is kept right by being told of every row that is
 * written; a read from the store that a write has overtaken is not kept.
 *
 * There are two generations: what is used goes to the young one, and when that is full it becomes the old one, whose
 * rows are forgotten unless they are used again. So a hit costs one look-up, and not a reordering.
 */
export class RowCache {
  readonly #store: Store
  readonly #generationBytesMax: number
  #young = new Map<string, Buffer | null>()
  #old = new Map<string, Buffer | null>()
  #youngBytes = 0
  #oldBytes = 0
  readonly #loading = new Map<string, Promise<Buffer | null>>()

  constructor (store: Store, bytesMax: number) {
    this.#store = store
    this.#generationBytesMax = bytesMax / 2
  }

  /** Everything in the store is another now. */
  clear (): void {
    this.#young = new Map()
    this.#old = new Map()
    this.#youngBytes = 0
    this.#oldBytes = 0
    this.#loading.clear()
  }

  get bytes (): number {
    return this.#youngBytes + this.#oldBytes
  }

  /** The row, null when the store has none, undefined when it is not known here. */
  peek (name: string): Buffer | null | undefined {
    const value = this.#young.get(name)
    if (value !== undefined) return value
    const old = this.#old.get(name)
    if (old !== undefined) this.#keep(name, old)
    return old
  }

  /** Begins to read a row that will be asked for soon, unless it is here. */
  expect (row: RowKey): void {
    if (this.peek(rowName(row.family, row.key)) === undefined) this.load(row).catch(() => {})
  }

  /** The row as the store has it now or later; readers of one row share one read. */
  load ({ family, key }: RowKey): Promise<Buffer | null> {
    const name = rowName(family, key)
    const known = this.peek(name)
    if (known !== undefined) return Promise.resolve(known)
    const loading = this.#loading.get(name)
    if (loading !== undefined) return loading
    const read = this.#store.get(family, key).then((value) => {
      if (this.#loading.get(name) === read) this.#keep(name, value)
      return value
    }).finally(() => {
      if (this.#loading.get(name) === read) this.#loading.delete(name)
    })
    this.#loading.set(name, read)
    return read
  }

  /** A row that is being written to the store: later reads of the store will see it. */
  written (name: string, value: Buffer | null): void {
    if (this.#loading.size > 0) this.#loading.delete(name)
    this.#keep(name, value)
  }

  /** The young generation's rows stand before those of the old one, so a row that is there twice is the newer. */
  #keep (name: string, value: Buffer | null): void {
    const before = this.#young.get(name)
    if (before !== undefined) this.#youngBytes -= sizeOf(name, before)
    this.#young.set(name, value)
    this.#youngBytes += sizeOf(name, value)
    if (this.#youngBytes <= this.#generationBytesMax) return
    this.#old = this.#young
    this.#oldBytes = this.#youngBytes
    this.#young = new Map()
    this.#youngBytes = 0
  }
}

function sizeOf (name: string, value: Buffer | null): number {
  return name.length + (value?.length ?? 0) + rowOverheadBytes
}
