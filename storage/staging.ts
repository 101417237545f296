import type { Catalog, Mutation } from './catalog.ts'
import type { Change } from './change.ts'
import { chainChecksum } from './checksum.ts'
import type { Outcomes } from './outcomes.ts'
import type { Position } from './position.ts'
import type { RowCache } from './row-cache.ts'
import {
  rowName, type Batch, type Family, type Range, type Row, type RowKey, type RowOperation, type Store,
} from './store.ts'

interface RangeRequest {
  family: Family
  range: Range
  /** Only so many first bytes of each value are kept: a range may be large. */
  valueBytes: number
  /** At most so many rows. */
  limit?: number
}

/** Of what is no row of its own. */
const fateKey = Buffer.from('o')

/** Thrown by an execution that needs rows which are not loaded yet: they are loaded, and it begins again. */
export class Missing extends Error {
  readonly row: RowKey | null
  readonly range: RangeRequest | null
  constructor (row: Missing['row'], range: Missing['range']) {
    super('rows to load')
    this.row = row
    this.range = range
  }
}

/**
 * The state between two batches: what is stored, with the effects of the commands executed so far laid over it. A
 * command's own effects stay apart until it has succeeded, so that a refused one leaves nothing.
 */
export class Staging {
  readonly catalog: Catalog
  readonly changes: Change[] = []
  readonly mutations: Mutation[] = []
  /** Where the batch stands; only its revision goes back when a command is refused. */
  readonly position: Position
  readonly #store: Store
  readonly #cache: RowCache
  readonly #outcomes: Outcomes
  /** What the commands to come will ask for, as far as that is known. */
  #ahead: () => RowKey[]
  /** Rows that were read for this batch, beside those that the cache has. */
  readonly #loaded = new Map<string, Buffer | null>()
  /** Rows that commands of this batch have written, the running one included. */
  readonly #written = new Map<string, Buffer | null>()
  readonly #ranges = new Map<string, Row[]>()
  readonly #effects: RowOperation[] = []
  /** What the running command's own rows were before it; undefined when they were not written before. */
  #before: Array<{ name: string, value: Buffer | null | undefined }> = []
  #undo: Mutation[] = []
  /** What is kept of the running command's outcome. */
  #fate: { keptUntil: number, bytes: Buffer } | null = null
  /** Where the effects of the running command begin. */
  #begun = { effects: 0, changes: 0, mutations: 0, revision: 0 }
  /** A row is mostly read and then written: its name is made once. */
  #named: RowKey & { name: string } = { family: 'meta', key: Buffer.alloc(0), name: '' }

  constructor (
    store: Store, cache: RowCache, catalog: Catalog, position: Position, outcomes: Outcomes, ahead: () => RowKey[]
  ) {
    this.#store = store
    this.#cache = cache
    this.#outcomes = outcomes
    this.#ahead = ahead
    this.catalog = catalog
    this.position = { ...position }
    this.#begun.revision = position.revision
  }

  /** A row as the command must see it. */
  row (family: Family, key: Buffer): Buffer | null {
    const name = this.#nameOf(family, key)
    let value = this.#written.get(name)
    if (value === undefined && this.#loaded.size > 0) value = this.#loaded.get(name)
    if (value === undefined) value = this.#cache.peek(name)
    if (value === undefined) throw new Missing({ family, key }, null)
    return value
  }

  /** The rows of a range, in order, as the command must see them. */
  range (family: Family, range: Range, valueBytes: number, limit?: number): Row[] {
    const name = `${rowName(family, range.start)}-${range.end.toString('latin1')}`
    const loaded = this.#ranges.get(name)
    if (loaded === undefined) {
      throw new Missing(null, { family, range, valueBytes, ...(limit === undefined ? {} : { limit }) })
    }
    const rows = new Map(loaded.map((row) => [rowName(family, row.key), row]))
    for (const [held, value] of this.#written) {
      const key = keyOf(family, held)
      if (key === null || Buffer.compare(key, range.start) < 0 || Buffer.compare(key, range.end) >= 0) continue
      if (value === null) rows.delete(held)
      else rows.set(held, { key, value })
    }
    return [...rows.values()].sort((a, b) => Buffer.compare(a.key, b.key))
  }

  put (family: Family, key: Buffer, value: Buffer): void {
    this.#effects.push({ family, key, value })
    if (isReadBack(family)) this.#lay(this.#nameOf(family, key), value)
  }

  delete (family: Family, key: Buffer): void {
    this.#effects.push({ family, key, value: null })
    if (isReadBack(family)) this.#lay(this.#nameOf(family, key), null)
  }

  /** Only for ranges whose rows no later command asks for: ids are never given out again. */
  deleteRange (family: Family, range: Range): void {
    this.#effects.push({ family, range })
  }

  mutate (mutation: Mutation): void {
    this.#undo.push(this.catalog.mutate(mutation))
    this.mutations.push(mutation)
  }

  change (change: Change): void {
    this.changes.push(change)
  }

  /** Keeps what became of the command, until the clock is past the time given. Nothing may fail after this. */
  record (keptUntil: number, bytes: Buffer): void {
    this.#fate = { keptUntil, bytes }
  }

  /** The command succeeded: its effects become the batch's. */
  commit (): void {
    const fate = this.#fate
    if (fate !== null) {
      // It stands in a row with others, which is written with the batch; for the checksum it counts as a row.
      this.#effects.push({ family: 'requests', key: fateKey, value: fate.bytes })
      this.#outcomes.add(this.position.index, this.position.timestamp, fate.keptUntil, fate.bytes)
    }
    this.#begin()
  }

  /** The command was refused, or must run again: it leaves nothing. */
  rollback (): void {
    for (const mutation of this.#undo.reverse()) this.catalog.mutate(mutation)
    for (const { name, value } of this.#before.reverse()) {
      if (value === undefined) this.#written.delete(name)
      else this.#written.set(name, value)
    }
    const { effects, changes, mutations, revision } = this.#begun
    this.#effects.length = effects
    this.changes.length = changes
    this.mutations.length = mutations
    this.position.revision = revision
    this.#begin()
  }

  #begin (): void {
    this.#fate = null
    if (this.#before.length > 0) this.#before = []
    if (this.#undo.length > 0) this.#undo = []
    this.#begun.effects = this.#effects.length
    this.#begun.changes = this.changes.length
    this.#begun.mutations = this.mutations.length
    this.#begun.revision = this.position.revision
  }

  /** Gets what a command misses, and with the first such rows those of all commands to come. */
  async load ({ row, range }: Missing): Promise<void> {
    const rows = this.#ahead()
    this.#ahead = () => []
    if (row !== null) rows.push(row)
    await Promise.all(rows.map(async (one) => {
      this.#loaded.set(rowName(one.family, one.key), await this.#cache.load(one))
    }))
    if (range === null) return
    const found: Row[] = []
    const options = range.limit === undefined ? {} : { limit: range.limit }
    for await (const { key, value } of this.#store.scan(range.family, range.range, options)) {
      const isShort = value.length <= range.valueBytes
      found.push({ key, value: isShort ? value : Buffer.from(value.subarray(0, range.valueBytes)) })
    }
    this.#ranges.set(`${rowName(range.family, range.range.start)}-${range.range.end.toString('latin1')}`, found)
  }

  #lay (name: string, value: Buffer | null): void {
    this.#before.push({ name, value: this.#written.get(name) })
    this.#written.set(name, value)
  }

  /** All commands of the batch are done: the position is whole with this. */
  finish (): void {
    this.position.checksum = chainChecksum(this.#effects, 0, this.position.checksum)
  }

  /** Shows all of it at once. `written` resolves when its `bytes` are in the store. */
  write (last: (batch: Batch) => void): { bytes: number, written: Promise<void> } {
    const batch = this.#store.batch()
    let bytes = 0
    for (const effect of this.#effects) {
      if ('range' in effect) batch.deleteRange(effect.family, effect.range)
      else if (effect.value === null) batch.delete(effect.family, effect.key)
      else if (effect.key !== fateKey) {
        batch.put(effect.family, effect.key, effect.value)
        bytes += effect.value.length
      }
    }
    this.#outcomes.store(batch)
    last(batch)
    const written = batch.write({ isLazy: true })
    for (const [name, value] of this.#written) this.#cache.written(name, value)
    return { bytes, written }
  }

  #nameOf (family: Family, key: Buffer): string {
    if (this.#named.key !== key) this.#named = { family, key, name: rowName(family, key) }
    return this.#named.name
  }
}

/** Families whose rows a later command of the same batch may ask for. */
function isReadBack (family: Family): boolean {
  return family === 'entries' || family === 'requests'
}

function keyOf (family: Family, name: string): Buffer | null {
  return name.startsWith(`${family} `) ? Buffer.from(name.slice(family.length + 1), 'latin1') : null
}
