import { createRequire } from 'node:module'
import type RocksDB from 'rocksdb-native'
import type { ReadBatch } from 'rocksdb-native'
import { makeDirectory } from './directory.ts'
import { Gathering } from './gathering.ts'
import { Problem } from './problem.ts'
import {
  families, type Batch, type Family, type Range, type Row, type RowKey, type RowOperation, type ScanOptions, type Store,
  type View,
} from './store.ts'

/** The one version whose inside this file leans on: see `spanning`. */
const pinnedVersion = '3.18.1'

/** Rows that a scan asks for at a time: few enough that large values stay bounded, enough to hide the round trips. */
const scanRows = 128

/** A batch grows by doubling its room, which must not be nothing. */
const operationsMin = 8

/** The storage could not be opened; `remedy` says what the operator can do. */
export class StorageOpenError extends Error {
  readonly code: 'DATA_DIR_LOCKED' | 'DATA_DIR_UNUSABLE' | 'NATIVE_MODULE'
  constructor (code: StorageOpenError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'StorageOpenError'
    this.code = code
  }
}

/**
 * Opens the RocksDB folder, making it where it is missing.
 *
 * RocksDB's own `LOCK` file keeps a second process out; the kernel lets go of it when a process dies, however it dies.
 *
 * @throws StorageOpenError when the folder is in use, unusable or damaged, or the native module does not load.
 */
export async function openRocksStore (directory: string): Promise<Store> {
  const Native = loadNative()
  try {
    await makeDirectory(directory)
  } catch (error) {
    throw new StorageOpenError('DATA_DIR_UNUSABLE',
      `The data folder ${directory} cannot be made (${reasonOf(error)}). Give CHANGEWELL_DATA_DIR a folder that this user may write.`, error)
  }
  const root = new Native(directory, {
    columnFamilies: families.map((name) => new Native.ColumnFamily(name, { writeBufferSize: 32 * 1024 * 1024 })),
    maxBackgroundJobs: 2,
  })
  try {
    await root.ready()
  } catch (error) {
    throw openError(directory, error)
  }
  const named = families.map((name) => [name, root.columnFamily(name)])
  const sessions = Object.fromEntries(named) as Record<Family, RocksDB>
  checkShape(sessions)
  return new RocksStore(root, sessions)
}

class RocksStore implements Store {
  readonly #root: RocksDB
  readonly #sessions: Record<Family, RocksDB>
  /** Reads of this turn. */
  #reads: { batch: ReadBatch } | null = null
  /** Batches on their way. Reads wait for them; after a failure they fail too. */
  readonly #writes = new Gathering((operations) => this.#write(operations))

  constructor (root: RocksDB, sessions: Record<Family, RocksDB>) {
    this.#root = root
    this.#sessions = sessions
  }

  async get (family: Family, key: Buffer): Promise<Buffer | null> {
    const writes = this.#writes.forReader()
    if (writes !== null) await this.#written(writes)
    if (this.#reads === null) {
      const reads = { batch: this.#root.read({ autoDestroy: true }) }
      this.#reads = reads
      setImmediate(() => {
        this.#reads = null
        this.#send(reads.batch)
      })
    }
    return spanning(this.#reads.batch, this.#sessions[family]).get(key)
  }

  async getMany (rows: RowKey[]): Promise<Array<Buffer | null>> {
    if (rows.length === 0) return []
    const writes = this.#writes.forReader()
    if (writes !== null) await this.#written(writes)
    const batch = this.#root.read({ autoDestroy: true })
    const values = rows.map(({ family, key }) => spanning(batch, this.#sessions[family]).get(key))
    this.#send(batch)
    return Promise.all(values)
  }

  async #written (writes: Promise<void>): Promise<void> {
    try {
      await writes
    } catch (error) {
      throw new Problem('STORAGE_FAILED', { reason: (error as Error).message }, { cause: error })
    }
  }

  #send (batch: ReadBatch): void {
    spanning(batch, this.#root).tryFlush()
  }

  async * scan (family: Family, range: Range, options?: ScanOptions): AsyncGenerator<Row> {
    for await (const rows of this.pieces(family, range, options)) yield * rows
  }

  async * pieces (family: Family, range: Range, options?: ScanOptions): AsyncGenerator<Row[]> {
    const writes = this.#writes.forReader()
    if (writes !== null) await this.#written(writes)
    yield * piecesOf(this.#sessions[family], range, options)
  }

  async view (): Promise<View> {
    const writes = this.#writes.settled()
    if (writes !== null) await this.#written(writes)
    const root = this.#root.snapshot()
    const sessions = new Map<Family, RocksDB>()
    const sessionOf = (family: Family): RocksDB => {
      const session = sessions.get(family) ?? root.columnFamily(family)
      sessions.set(family, session)
      return session
    }
    return {
      get: (family, key) => sessionOf(family).get(key),
      async * scan (family, range, options) {
        for await (const rows of piecesOf(sessionOf(family), range, options)) yield * rows
      },
      pieces: (family, range, options) => piecesOf(sessionOf(family), range, options),
      release: async () => {
        for (const session of sessions.values()) await session.close()
        await root.close()
      },
    }
  }

  /** RocksDB hears of a batch only when it is written: one that is given up leaves nothing open. */
  batch (): Batch {
    const operations: RowOperation[] = []
    return {
      put: (family, key, value) => { operations.push({ family, key, value }) },
      delete: (family, key) => { operations.push({ family, key, value: null }) },
      deleteRange: (family, range) => { operations.push({ family, range }) },
      write: ({ isLazy = false } = {}) => this.#writes.add(operations, isLazy),
    }
  }

  async #write (operations: RowOperation[]): Promise<void> {
    const batch = this.#root.write({ autoDestroy: true, capacity: Math.max(operationsMin, operations.length) })
    for (const operation of operations) {
      spanning(batch, this.#sessions[operation.family])
      if ('range' in operation) batch.tryDeleteRange(operation.range.start, operation.range.end)
      else if (operation.value === null) batch.tryDelete(operation.key)
      else batch.tryPut(operation.key, operation.value)
    }
    try {
      await spanning(batch, this.#root).flush()
    } catch (error) {
      throw new Error(reasonOf(error), { cause: error })
    }
  }

  /**
   * RocksDB syncs its closed log files before it installs a flushed table when there are several families, so that
   * after a loss of power all families agree on one prefix; what was written before this call is in that prefix.
   */
  async flush (): Promise<void> {
    const writes = this.#writes.settled()
    if (writes !== null) await this.#written(writes)
    await Promise.all(families.map((family) => this.#sessions[family].flush()))
  }

  async close (): Promise<void> {
    // Reads that wait for the batch on its way begin before the sessions go.
    await this.#writes.settled()?.catch(() => {})
    for (const family of families) await this.#sessions[family].close()
    await this.#root.close()
  }
}

async function * piecesOf (
  session: RocksDB, range: Range, { reverse = false, limit }: ScanOptions = {}
): AsyncGenerator<Row[]> {
  // One more than the limit, so that the first answer already shows that the scan is at its end.
  const capacity = limit === undefined ? scanRows : Math.min(limit + 1, scanRows)
  const iterator = session.iterator({
    gte: range.start, lt: range.end, reverse, capacity, ...(limit === undefined ? {} : { limit }),
  })
  let fault: Error | null = null
  let wake = (): void => {}
  iterator.on('readable', () => wake())
  iterator.on('error', (error) => { fault = error })
  iterator.on('close', () => wake())
  try {
    for (;;) {
      const rows: Row[] = []
      for (let row = iterator.read(); row !== null; row = iterator.read()) rows.push(row)
      if (rows.length > 0) yield rows
      else if (fault !== null) throw fault
      else if (iterator.destroyed) return
      else await new Promise<void>((resolve) => { wake = resolve })
    }
  } finally {
    iterator.destroy()
  }
}

/**
 * rocksdb-native gives every operation the column family of the session that its batch points at, at the moment when
 * the operation is added. Pointing the batch at another session before each operation makes one atomic batch that
 * spans families: its public interface has no way to say that.
 */
function spanning<B extends { _db: RocksDB }> (batch: B, session: RocksDB): B {
  batch._db = session
  return batch
}

/** Proves on a batch that is never sent that `spanning` still does what it says. */
function checkShape (sessions: Record<Family, RocksDB>): void {
  const batch = sessions.meta.write()
  const probe = Buffer.from('shape')
  for (const family of families) spanning(batch, sessions[family]).tryPut(probe, probe)
  const spans = families.every((family, at) => {
    const handle = sessions[family]._columnFamily?._handle
    return handle !== undefined && batch._operations[at]?.columnFamily === handle
  })
  spanning(batch, sessions.meta).destroy()
  if (!spans) {
    throw new StorageOpenError('NATIVE_MODULE',
      `The installed rocksdb-native does not put the families of a batch where this release expects them. Install exactly ${pinnedVersion}: npm install rocksdb-native@${pinnedVersion}`)
  }
}

function loadNative (): typeof RocksDB {
  const require = createRequire(import.meta.url)
  let version: unknown
  let native: typeof RocksDB
  try {
    version = require('rocksdb-native/package').version
    native = require('rocksdb-native')
  } catch (error) {
    const reason = reasonOf(error)
    const remedy = reason.includes('libatomic')
      ? 'Install libatomic (Debian, Ubuntu: apt-get install libatomic1; Fedora: dnf install libatomic; Alpine: apk add libatomic).'
      : 'It ships prebuilt for Linux, macOS and Windows on x64 and arm64; reinstall with npm ci.'
    throw new StorageOpenError('NATIVE_MODULE', `rocksdb-native cannot be loaded (${reason}). ${remedy}`, error)
  }
  if (version !== pinnedVersion) {
    throw new StorageOpenError('NATIVE_MODULE',
      `rocksdb-native ${String(version)} is installed, this release is made for ${pinnedVersion}: npm install rocksdb-native@${pinnedVersion}`)
  }
  return native
}

function openError (directory: string, error: unknown): StorageOpenError {
  const reason = reasonOf(error)
  if (/while lock file|lock hold by/i.test(reason)) {
    return new StorageOpenError('DATA_DIR_LOCKED',
      `Another process has ${directory} open. Stop it, or give this node a folder of its own with CHANGEWELL_DATA_DIR.`, error)
  }
  if (/no space left/i.test(reason)) {
    return new StorageOpenError('DATA_DIR_UNUSABLE',
      `There is no room to open the database in ${directory} (${reason}). Nothing is lost: free some space and start the node again.`, error)
  }
  return new StorageOpenError('DATA_DIR_UNUSABLE',
    `The database in ${directory} cannot be opened (${reason}). Check that the folder is this user's to write and its disk is sound; a damaged folder is restored from a backup, never repaired by guess.`, error)
}

/** RocksDB's own words stand in the cause of an error that only says that a batch failed. */
function reasonOf (error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
