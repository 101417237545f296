/** The part of rocksdb-native 3.18.1 that storage/rocksdb.ts uses; the package ships no types. */
declare module 'rocksdb-native' {
  interface RangeOptions {
    gte?: Buffer
    lt?: Buffer
    reverse?: boolean
    limit?: number
    capacity?: number
  }

  /** A stream of streamx. */
  interface RowStream extends AsyncIterable<{ key: Buffer, value: Buffer }> {
    readonly destroyed: boolean
    /** The next row that is there already, or null. */
    read (): { key: Buffer, value: Buffer } | null
    on (event: 'readable' | 'close', listener: () => void): void
    on (event: 'error', listener: (error: Error) => void): void
    destroy (): void
  }

  interface ReadBatch {
    _db: RocksDB
    get (key: Buffer): Promise<Buffer | null>
    tryFlush (): void
    destroy (): void
  }

  interface WriteBatch {
    _db: RocksDB
    readonly _operations: Array<{ columnFamily: unknown }>
    tryPut (key: Buffer, value: Buffer): void
    tryDelete (key: Buffer): void
    tryDeleteRange (start: Buffer, end: Buffer): void
    flush (): Promise<void>
    destroy (): void
  }

  export class ColumnFamily {
    constructor (name: string, options?: { writeBufferSize?: number, tableBlockSize?: number })
  }

  export default class RocksDB {
    static ColumnFamily: typeof ColumnFamily
    constructor (path: string, options?: { columnFamilies?: Array<string | ColumnFamily>, maxBackgroundJobs?: number })
    readonly _columnFamily: { readonly _handle: unknown }
    ready (): Promise<void>
    close (): Promise<void>
    columnFamily (name: string): RocksDB
    snapshot (): RocksDB
    get (key: Buffer): Promise<Buffer | null>
    read (options?: { capacity?: number, autoDestroy?: boolean }): ReadBatch
    write (options?: { capacity?: number, autoDestroy?: boolean }): WriteBatch
    iterator (range: RangeOptions): RowStream
    flush (): Promise<void>
    getProperty (name: string): Promise<string | null>
  }
}
