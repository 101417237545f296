/**
 * The contract of the key-value store under the database: ordered byte keys in named families, batches that are atomic
 * across families, reads that see every batch whose `write` was called before they were. When a write fails, so does
 * every later read.
 */
export const families = ['meta', 'changes', 'tenant_changes', 'entries', 'catalog', 'tags', 'requests'] as const

export type Family = typeof families[number]

/** A half-open range of keys: `start` included, `end` excluded. */
export interface Range {
  start: Buffer
  end: Buffer
}

export interface ScanOptions {
  /** From the end of the range to its start. */
  reverse?: boolean
  /** At most this many rows; all when absent. */
  limit?: number
}

export interface Row {
  key: Buffer
  value: Buffer
}

export interface RowKey {
  family: Family
  key: Buffer
}

/** A row's key as a string, for maps. Latin-1 keeps every byte. */
export function rowName (family: Family, key: Buffer): string {
  return `${family} ${key.toString('latin1')}`
}

/** One step of a batch; a row whose value is null is deleted. */
export type RowOperation =
  { family: Family, key: Buffer, value: Buffer | null } |
  { family: Family, range: Range }

/** Operations of a batch take effect in the order in which they were added. */
export interface Batch {
  put (family: Family, key: Buffer, value: Buffer): void
  delete (family: Family, key: Buffer): void
  deleteRange (family: Family, range: Range): void
  /**
   * Makes all of it visible at once, to whatever is read from now on. A batch is written once. A lazy one may wait for
   * others until somebody reads; its promise then takes longer.
   */
  write (options?: { isLazy?: boolean }): Promise<void>
}

/** The whole store as it was at one moment. */
export interface View {
  get (family: Family, key: Buffer): Promise<Buffer | null>
  scan (family: Family, range: Range, options?: ScanOptions): AsyncIterable<Row>
  /** The same rows, many at a time. */
  pieces (family: Family, range: Range, options?: ScanOptions): AsyncIterable<Row[]>
  /** Until this is called the store keeps what the view shows. */
  release (): Promise<void>
}

export interface Store {
  /** The value, or null. Reads of one turn of the event loop go out together. */
  get (family: Family, key: Buffer): Promise<Buffer | null>
  /** The values in the order of the keys, read at once. */
  getMany (rows: RowKey[]): Promise<Array<Buffer | null>>
  /** The rows as they are when the first is asked for. */
  scan (family: Family, range: Range, options?: ScanOptions): AsyncIterable<Row>
  /** The same rows, many at a time: where there are thousands, waiting for each takes longer than reading it. */
  pieces (family: Family, range: Range, options?: ScanOptions): AsyncIterable<Row[]>
  batch (): Batch
  /** A view across all families that no later write changes. */
  view (): Promise<View>
  /** Makes everything written before the call survive a loss of power, in every family. */
  flush (): Promise<void>
  close (): Promise<void>
}
