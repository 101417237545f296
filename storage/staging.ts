import type { Catalog, Mutation } from './catalog.ts'
import type { Change } from './change.ts'
import type { RowCache } from './row-cache.ts'
import { rowName, type Batch, type Family, type Range, type Row, type RowKey, type Store } from './store.ts'

interface RangeRequest {
  family: Family
  range: Range
  /** Only so many first bytes of each value are kept: a range may be large. */
  valueBytes: number
  /** At most so many rows. */
  limit?: number
}

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

/** What every applied batch leaves behind in one row. */
export interface Position {
  index: number
  term: number
  revision: number
  /** Of the last change; no later change has an earlier one. Milliseconds since 1970. */
  timestamp: number
  /** The oldest revision that the history holds. */
  firstRevision: number
}

type Effect =
  { family: Family, key: Buffer, value: Buffer | null } |
  { family: Family, range: Range }

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
  readonly #batch: Batch
  readonly #rows = new Map<string, Buffer | null>()
  readonly #written = new Set<string>()
  readonly #ranges = new Map<string, Row[]>()
  #effects: Effect[] = []
  #overlay = new Map<string, Buffer | null>()
  #undo: Mutation[] = []
  #redo: Mutation[] = []
  #changes: Change[] = []
  #revisionBefore: number

  constructor (store: Store, cache: RowCache, catalog: Catalog, position: Position) {
    this.#store = store
    this.#cache = cache
    this.#batch = store.batch()
    this.catalog = catalog
    this.position = { ...position }
    this.#revisionBefore = position.revision
  }

  /** A row as the command must see it. */
  row (family: Family, key: Buffer): Buffer | null {
    const name = rowName(family, key)
    const own = this.#overlay.get(name)
    if (own !== undefined) return own
    const known = this.#rows.get(name)
    if (known === undefined) throw new Missing({ family, key }, null)
    return known
  }

  /** The rows of a range, in order, as the command must see them. */
  range (family: Family, range: Range, valueBytes: number, limit?: number): Row[] {
    const name = `${rowName(family, range.start)}-${range.end.toString('latin1')}`
    const loaded = this.#ranges.get(name)
    if (loaded === undefined) {
      throw new Missing(null, { family, range, valueBytes, ...(limit === undefined ? {} : { limit }) })
    }
    const rows = new Map(loaded.map((row) => [rowName(family, row.key), row]))
    for (const layer of [this.#rows, this.#overlay]) {
      for (const [held, value] of layer) {
        const key = keyOf(family, held)
        if (key === null || Buffer.compare(key, range.start) < 0 || Buffer.compare(key, range.end) >= 0) continue
        if (value === null) rows.delete(held)
        else rows.set(held, { key, value })
      }
    }
    return [...rows.values()].sort((a, b) => Buffer.compare(a.key, b.key))
  }

  put (family: Family, key: Buffer, value: Buffer): void {
    this.#effects.push({ family, key, value })
    if (isReadBack(family)) this.#overlay.set(rowName(family, key), value)
  }

  delete (family: Family, key: Buffer): void {
    this.#effects.push({ family, key, value: null })
    if (isReadBack(family)) this.#overlay.set(rowName(family, key), null)
  }

  /** Only for ranges whose rows no later command asks for: ids are never given out again. */
  deleteRange (family: Family, range: Range): void {
    this.#effects.push({ family, range })
  }

  mutate (mutation: Mutation): void {
    this.#undo.push(this.catalog.mutate(mutation))
    this.#redo.push(mutation)
  }

  change (change: Change): void {
    this.#changes.push(change)
  }

  /** The command succeeded: its effects become the batch's. */
  commit (): void {
    for (const effect of this.#effects) {
      if ('range' in effect) this.#batch.deleteRange(effect.family, effect.range)
      else if (effect.value === null) this.#batch.delete(effect.family, effect.key)
      else this.#batch.put(effect.family, effect.key, effect.value)
    }
    for (const [name, value] of this.#overlay) {
      this.#rows.set(name, value)
      this.#written.add(name)
    }
    for (const change of this.#changes) this.changes.push(change)
    for (const mutation of this.#redo) this.mutations.push(mutation)
    this.#begin()
  }

  /** The command was refused, or must run again: it leaves nothing. */
  rollback (): void {
    for (const mutation of this.#undo.reverse()) this.catalog.mutate(mutation)
    this.position.revision = this.#revisionBefore
    this.#begin()
  }

  #begin (): void {
    this.#effects = []
    this.#overlay.clear()
    this.#undo = []
    this.#redo = []
    this.#changes = []
    this.#revisionBefore = this.position.revision
  }

  /** Gets rows ahead, together, before the commands that will ask for them. */
  async prefetch (keys: RowKey[]): Promise<void> {
    const loading: Array<Promise<void>> = []
    for (const row of keys) {
      const name = rowName(row.family, row.key)
      if (this.#rows.has(name)) continue
      const known = this.#cache.peek(name)
      if (known !== undefined) this.#rows.set(name, known)
      else loading.push(this.#cache.load(row).then((value) => { this.#rows.set(name, value) }))
    }
    if (loading.length > 0) await Promise.all(loading)
  }

  async load ({ row, range }: Missing): Promise<void> {
    if (row !== null) await this.prefetch([row])
    if (range === null) return
    const rows: Row[] = []
    const options = range.limit === undefined ? {} : { limit: range.limit }
    for await (const { key, value } of this.#store.scan(range.family, range.range, options)) {
      const isShort = value.length <= range.valueBytes
      rows.push({ key, value: isShort ? value : Buffer.from(value.subarray(0, range.valueBytes)) })
    }
    this.#ranges.set(`${rowName(range.family, range.range.start)}-${range.range.end.toString('latin1')}`, rows)
  }

  /** Shows all of it at once. Resolves when it is in the store. */
  write (last: (batch: Batch) => void): Promise<void> {
    last(this.#batch)
    const written = this.#batch.write()
    for (const name of this.#written) this.#cache.written(name, this.#rows.get(name) ?? null)
    return written
  }
}

/** Families whose rows a later command of the same batch may ask for. */
function isReadBack (family: Family): boolean {
  return family === 'entries' || family === 'requests'
}

function keyOf (family: Family, name: string): Buffer | null {
  return name.startsWith(`${family} `) ? Buffer.from(name.slice(family.length + 1), 'latin1') : null
}
