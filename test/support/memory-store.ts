import { crc32c } from '@node-rs/crc32'
import {
  families, type Batch, type Family, type Range, type Row, type RowKey, type RowOperation, type ScanOptions, type Store,
  type View,
} from '../../storage/store.ts'

interface Held {
  value: Buffer
  hash: number
}

/** The rows of one family, with their keys in order. */
class Rows {
  readonly held = new Map<string, Held>()
  readonly #keys: string[] = []

  set (key: string, held: Held | undefined): void {
    if (held === undefined) {
      if (this.held.delete(key)) this.#keys.splice(this.#place(key), 1)
      return
    }
    if (!this.held.has(key)) {
      const last = this.#keys.at(-1)
      if (last === undefined || key > last) this.#keys.push(key)
      else this.#keys.splice(this.#place(key), 0, key)
    }
    this.held.set(key, held)
  }

  /** Latin-1 compares as the bytes do. */
  keys ({ start, end }: Range): string[] {
    const from = this.#place(latin1(start))
    return this.#keys.slice(from, Math.max(from, this.#place(latin1(end))))
  }

  copy (): Rows {
    const copy = new Rows()
    for (const [key, held] of this.held) copy.held.set(key, held)
    copy.#keys.push(...this.#keys)
    return copy
  }

  /** Where the key is, or would be. */
  #place (key: string): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#keys[middle]! < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** What undoes a batch: each row as it was before. */
type Undo = { family: Family, key: string, before: Held | undefined }[]

/** All that a store holds. It outlives the store, as a folder does. */
export class MemoryRows {
  readonly families = new Map<Family, Rows>(families.map((family) => [family, new Rows()]))
  /** Changes with every change of a row, and back with it: equal rows have equal checksums, in any order. */
  checksum = 0
  /** Batches since the last flush, oldest first. */
  #unflushed: Undo[] = []

  /** Batches that a loss of power could take, the newest first. */
  get unflushed (): number {
    return this.#unflushed.length
  }

  write (operations: readonly RowOperation[]): void {
    const undo: Undo = []
    for (const operation of operations) {
      const { family } = operation
      if ('range' in operation) {
        for (const key of this.families.get(family)!.keys(operation.range)) this.#set(family, key, undefined, undo)
      } else {
        const key = latin1(operation.key)
        const { value } = operation
        this.#set(family, key, value === null ? undefined : { value, hash: hashOf(family, operation.key, value) }, undo)
      }
    }
    this.#unflushed.push(undo)
  }

  flush (): void {
    this.#unflushed = []
  }

  /** What a loss of power does to a store that never syncs between flushes: the newest batches are gone. */
  lose (batches: number): void {
    for (let left = batches; left > 0; left--) {
      const undo = this.#unflushed.pop()
      if (undo === undefined) throw new RangeError('what was flushed is not lost')
      for (const { family, key, before } of undo.reverse()) this.#set(family, key, before, [])
    }
  }

  copy (): MemoryRows {
    const copy = new MemoryRows()
    for (const [family, rows] of this.families) copy.families.set(family, rows.copy())
    copy.checksum = this.checksum
    return copy
  }

  #set (family: Family, key: string, held: Held | undefined, undo: Undo): void {
    const rows = this.families.get(family)!
    const before = rows.held.get(key)
    if (before === undefined && held === undefined) return
    undo.push({ family, key, before })
    rows.set(key, held)
    this.checksum = (this.checksum - (before?.hash ?? 0) + (held?.hash ?? 0)) >>> 0
  }
}

/** A store that keeps its rows in memory. */
export class MemoryStore implements Store {
  readonly rows: MemoryRows

  constructor (rows = new MemoryRows()) {
    this.rows = rows
  }

  async get (family: Family, key: Buffer): Promise<Buffer | null> {
    return this.rows.families.get(family)!.held.get(latin1(key))?.value ?? null
  }

  async getMany (keys: RowKey[]): Promise<Array<Buffer | null>> {
    return keys.map(({ family, key }) => this.rows.families.get(family)!.held.get(latin1(key))?.value ?? null)
  }

  scan (family: Family, range: Range, options?: ScanOptions): AsyncIterable<Row> {
    return scanned(this.rows, family, range, options)
  }

  async * pieces (family: Family, range: Range, options?: ScanOptions): AsyncIterable<Row[]> {
    const rows: Row[] = []
    for await (const row of this.scan(family, range, options)) rows.push(row)
    if (rows.length > 0) yield rows
  }

  batch (): Batch {
    const operations: RowOperation[] = []
    return {
      put: (family, key, value) => { operations.push({ family, key, value }) },
      delete: (family, key) => { operations.push({ family, key, value: null }) },
      deleteRange: (family, range) => { operations.push({ family, range }) },
      write: async () => { this.rows.write(operations) },
    }
  }

  async view (): Promise<View> {
    return new MemoryStore(this.rows.copy())
  }

  async release (): Promise<void> {}

  async flush (): Promise<void> {
    this.rows.flush()
  }

  async close (): Promise<void> {}
}

/** The rows as they are now, however long they are being read. */
function scanned (
  all: MemoryRows, family: Family, range: Range, { reverse = false, limit = Infinity }: ScanOptions = {}
): AsyncIterable<Row> {
  const { held } = all.families.get(family)!
  const keys = all.families.get(family)!.keys(range)
  if (reverse) keys.reverse()
  if (keys.length > limit) keys.length = limit
  const rows = keys.map((key) => ({ key: Buffer.from(key, 'latin1'), value: held.get(key)!.value }))
  return (async function * () { yield * rows })()
}

function hashOf (family: Family, key: Buffer, value: Buffer): number {
  const mixed = Math.imul(crc32c(value, crc32c(key, families.indexOf(family) + 1)) ^ value.length, 0x9e3779b1)
  return (mixed ^ (mixed >>> 15)) >>> 0
}

function latin1 (bytes: Buffer): string {
  return bytes.toString('latin1')
}
