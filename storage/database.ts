import { BinaryReader, BinaryWriter } from './binary.ts'
import { Catalog, type CollectionRow, type TenantRow } from './catalog.ts'
import { decodeChange, type Change } from './change.ts'
import { executeWrite, rowsOf } from './execution.ts'
import { checkFormat } from './format.ts'
import {
  changeRange, collectionRows, expiredRange, expiryKey, expiryName, metaKeys, readU64, requestKey, tagKey, tenantRows,
} from './keys.ts'
import { decodeRequest, encodeRequest } from './request.ts'
import { Problem } from './problem.ts'
import { RowCache } from './row-cache.ts'
import { Missing, Staging, type Position } from './staging.ts'
import type { RowKey, Store, View } from './store.ts'
import type { Command, Outcome, Settings, WriteCommand } from './types.ts'

/** A committed command and its place in the log; null for an entry that carries none (a leader's no-op). */
export interface Applied {
  index: number
  term: number
  command: Command | null
}

/** How many rows one housekeeping command may remove, so that no batch grows without bound. */
const housekeepingRows = 1000

/** More than any scope takes at the front of a change's row. */
const scopeBytesMax = 256 * 1024

const origin: Position = { index: 0, term: 0, revision: 0, timestamp: 0, firstRevision: 1 }

const cacheBytesDefault = 32 * 1024 * 1024

const defaultSettings: Settings = { historyChanges: null }

/**
 * The replicated state machine: applies committed commands in log order. It is deterministic; time, ids and chance come
 * inside the commands, so that nodes which applied the same log hold the same bytes.
 *
 * What it shows (`revision`, `catalog`) is what has been applied: the store may be one batch behind, but reads of it
 * wait for that batch. What it executes runs on a catalog of its own, which is ahead of the shown one within a batch.
 */
export class Database {
  /** Tenants and collections as of `revision`. */
  readonly catalog: Catalog
  readonly store: Store
  /** Rows of keys and requests that were used lately. */
  readonly cache: RowCache
  clusterId: string | null
  settings: Settings
  readonly #working: Catalog
  #position: Position
  #failure: Error | null = null
  #storing: Promise<void> = Promise.resolve()
  #onChanges: (changes: Change[]) => void = () => {}

  private constructor (
    store: Store, cache: RowCache, catalogs: [Catalog, Catalog], position: Position, clusterId: string | null,
    settings: Settings
  ) {
    this.store = store
    this.cache = cache
    this.catalog = catalogs[0]
    this.#working = catalogs[1]
    this.#position = position
    this.clusterId = clusterId
    this.settings = settings
  }

  /** @throws FormatError when the store's layout is another. */
  static async open (store: Store, { cacheBytes = cacheBytesDefault } = {}): Promise<Database> {
    await checkFormat(store)
    const position = await store.get('meta', metaKeys.applied)
    const clusterId = await store.get('meta', metaKeys.clusterId)
    const settings = await store.get('meta', metaKeys.settings)
    return new Database(store, new RowCache(store, cacheBytes), [await readCatalog(store), await readCatalog(store)],
      decodePosition(position), clusterId?.toString() ?? null,
      settings === null ? defaultSettings : JSON.parse(settings.toString()) as Settings)
  }

  /** The log index and term of the last command that was applied. */
  get applied (): { index: number, term: number } {
    return { index: this.#position.index, term: this.#position.term }
  }

  /** The version number of the whole database. */
  get revision (): number {
    return this.#position.revision
  }

  get firstRevision (): number {
    return this.#position.firstRevision
  }

  /** Of the last change, in milliseconds since 1970. */
  get timestamp (): number {
    return this.#position.timestamp
  }

  /** Called with the changes of each batch, in order, once readers can see them. */
  listen (listener: (changes: Change[]) => void): void {
    this.#onChanges = listener
  }

  /**
   * Applies commands that follow the last applied one, and tells what became of each. Calls must not overlap. Resolves
   * when readers see it all; it is then on its way to the store, as one atomic write, which the next call waits for.
   *
   * @throws the store's error when a read or the write before this one failed; the database then refuses all further
   * work, because what the store holds is no longer known. Opening it again recovers.
   */
  async apply (batch: Applied[]): Promise<Array<Outcome | null>> {
    if (this.#failure !== null) throw this.#failure
    try {
      const outcomes: Array<Outcome | null> = []
      for (const run of runsOf(batch)) outcomes.push(...await this.#apply(run))
      return outcomes
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
      throw error
    }
  }

  /** Resolves when what has been applied is in the store, and rejects with the store's error when that failed. */
  stored (): Promise<void> {
    return this.#storing
  }

  async #apply (batch: Applied[]): Promise<Array<Outcome | null>> {
    await this.#storing
    const staging = new Staging(this.store, this.cache, this.#working, this.#position, () => (
      batch.flatMap(({ command }) => rowsAhead(this.#working, command))))
    const outcomes: Array<Outcome | null> = []
    let settings = this.settings
    let clusterId = this.clusterId
    for (const { index, term, command } of batch) {
      if (index !== staging.position.index + 1) {
        throw new Error(`command ${index} cannot be applied after command ${staging.position.index}`)
      }
      staging.position.index = index
      staging.position.term = term
      if (command === null) {
        outcomes.push(null)
        staging.commit()
        continue
      }
      if (command.kind === 'settings') settings = command.settings
      if (command.kind === 'bootstrap') clusterId ??= command.clusterId
      let outcome = attempt(staging, command)
      while (outcome instanceof Missing) {
        await staging.load(outcome)
        outcome = attempt(staging, command)
      }
      outcomes.push(outcome)
    }
    this.#position = staging.position
    for (const mutation of staging.mutations) this.catalog.mutate(mutation)
    if (staging.changes.length > 0) this.#onChanges(staging.changes)
    this.#storing = staging.write((last) => {
      last.put('meta', metaKeys.applied, encodePosition(staging.position))
      if (settings !== this.settings) last.put('meta', metaKeys.settings, Buffer.from(JSON.stringify(settings)))
      if (clusterId !== this.clusterId && clusterId !== null) last.put('meta', metaKeys.clusterId, Buffer.from(clusterId))
    })
    this.#storing.catch(() => {})
    this.settings = settings
    this.clusterId = clusterId
    return outcomes
  }

  /** Begins to read the rows that a write will ask for, so that they are here when it is applied. */
  readAhead (command: Command): void {
    for (const row of rowsAhead(this.catalog, command)) this.cache.expect(row)
  }

  /** Makes all that is applied survive a loss of power. Returns the index that the log may then be cut up to. */
  async flush (): Promise<{ index: number, term: number }> {
    const { applied } = this
    await this.store.flush()
    return applied
  }

  async close (): Promise<void> {
    await this.store.close()
  }
}

/** Runs a command, or tells what it misses. Running again is safe: an unfinished run leaves nothing. */
function attempt (staging: Staging, command: Command): Outcome | Missing {
  try {
    const outcome = executeOnce(staging, command)
    staging.commit()
    return outcome
  } catch (error) {
    staging.rollback()
    if (!(error instanceof Missing)) throw error
    return error
  }
}

function executeOnce (staging: Staging, command: Command): Outcome {
  staging.position.timestamp = Math.max(staging.position.timestamp, command.timestamp)
  switch (command.kind) {
    case 'write': return executeRecognised(staging, command)
    case 'expire': expire(staging); break
    case 'trim': trim(staging, command.firstRevision); break
    case 'settings':
    case 'bootstrap': break
  }
  return { ok: true, branch: 'then', written: [], revision: staging.position.revision }
}

/** A write whose idempotency key is known gets the outcome of the first; a new one leaves its outcome under its key. */
function executeRecognised (staging: Staging, command: WriteCommand): Outcome {
  const { idempotency } = command
  if (idempotency === undefined) return executeRefusable(staging, command)
  const row = staging.row('requests', requestKey(idempotency.key))
  const known = row === null ? null : decodeRequest(row)
  if (known !== null && known.expiresAt > command.timestamp) {
    if (known.fingerprint.equals(idempotency.fingerprint)) return known.outcome
    return {
      ok: false, code: 'IDEMPOTENCY_KEY_REUSED', params: { key: idempotency.key }, revision: staging.position.revision,
    }
  }
  const outcome = executeRefusable(staging, command)
  if (known !== null) staging.delete('requests', expiryKey(known.expiresAt, idempotency.key))
  staging.put('requests', requestKey(idempotency.key), encodeRequest({ ...idempotency, outcome }))
  staging.put('requests', expiryKey(idempotency.expiresAt, idempotency.key), Buffer.alloc(0))
  return outcome
}

function executeRefusable (staging: Staging, command: WriteCommand): Outcome {
  try {
    return { ok: true, ...executeWrite(staging, command), revision: staging.position.revision }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    staging.rollback()
    return { ok: false, code: error.code, params: error.params, revision: staging.position.revision }
  }
}

/** Forgets idempotency keys whose time has passed. */
function expire (staging: Staging): void {
  for (const { key } of staging.range('requests', expiredRange(staging.position.timestamp), 0, housekeepingRows)) {
    staging.delete('requests', key)
    staging.delete('requests', requestKey(expiryName(key)))
  }
}

/** Cuts the history: changes and their tags go; the tenants' feeds stay whole. */
function trim (staging: Staging, wanted: number): void {
  const { position } = staging
  const firstRevision = Math.min(wanted, position.revision + 1, position.firstRevision + housekeepingRows)
  if (firstRevision <= position.firstRevision) return
  const range = changeRange(position.firstRevision, firstRevision)
  for (const { key, value } of staging.range('changes', range, scopeBytesMax)) {
    const { revision, scope } = decodeChange(readU64(key, 0), value)
    for (const tag of scope.tags) staging.delete('tags', tagKey(tag, revision))
  }
  staging.deleteRange('changes', range)
  position.firstRevision = firstRevision
}

/** Writes may share a batch; housekeeping reads ranges that a batch does not show yet, so it stands alone. */
function runsOf (batch: Applied[]): Applied[][] {
  const runs: Applied[][] = []
  let joins = false
  for (const applied of batch) {
    const isPlain = applied.command === null || applied.command.kind === 'write'
    if (isPlain && joins) runs.at(-1)?.push(applied)
    else runs.push([applied])
    joins = isPlain
  }
  return runs
}

function rowsAhead (catalog: Catalog, command: Command | null): RowKey[] {
  if (command === null || command.kind !== 'write') return []
  const rows = rowsOf(catalog, command)
  if (command.idempotency !== undefined) rows.push({ family: 'requests', key: requestKey(command.idempotency.key) })
  return rows
}

export async function readCatalog (store: Pick<View, 'scan'>): Promise<Catalog> {
  const catalog = new Catalog()
  // Parents have smaller ids than their children, and rows come in order of ids.
  for await (const { value } of store.scan('catalog', tenantRows)) {
    const row = JSON.parse(value.toString()) as TenantRow
    catalog.mutate({ kind: 'tenant', id: row.id, row })
  }
  for await (const { value } of store.scan('catalog', collectionRows)) {
    const row = JSON.parse(value.toString()) as CollectionRow
    catalog.mutate({ kind: 'collection', tenant: row.tenant, name: row.name, row })
  }
  return catalog
}

function encodePosition ({ index, term, revision, timestamp, firstRevision }: Position): Buffer {
  return new BinaryWriter().u64(index).u64(term).u64(revision).u64(timestamp).u64(firstRevision).finish()
}

export function decodePosition (row: Buffer | null): Position {
  if (row === null) return { ...origin }
  const from = new BinaryReader(row)
  return { index: from.u64(), term: from.u64(), revision: from.u64(), timestamp: from.u64(), firstRevision: from.u64() }
}
