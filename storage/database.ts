import { attempt, rowsAhead } from './attempt.ts'
import type { Catalog } from './catalog.ts'
import type { Change } from './change.ts'
import { Cluster } from './cluster.ts'
import type { AppliedConfiguration } from './configuration.ts'
import { readContent, tornContent, type Content } from './content.ts'
import { checkFormat } from './format.ts'
import { GatedStore } from './gate.ts'
import { readImage, type ImageRow } from './image.ts'
import { metaKeys } from './keys.ts'
import type { NodeRecord } from './nodes.ts'
import type { Outcomes } from './outcomes.ts'
import { checksumText, encodePosition, type Position } from './position.ts'
import { Problem } from './problem.ts'
import { restoreRows } from './restore.ts'
import { RowCache } from './row-cache.ts'
import { Missing, Staging } from './staging.ts'
import type { Store } from './store.ts'
import type { Command, Outcome, Settings } from './types.ts'

export type { AppliedConfiguration } from './configuration.ts'
export type { NodeRecord } from './nodes.ts'

/** A committed command and its place in the log; null for an entry that carries none (a leader's no-op). */
export interface Applied {
  index: number
  term: number
  command: Command | null
  /** With an entry of the log that changes the Raft configuration: what is in force from then on. */
  configuration?: AppliedConfiguration
}

/** So much may be on its way to the store, or wait to be; then applying waits. */
const storingBytesMax = 16 * 1024 * 1024

const cacheBytesDefault = 32 * 1024 * 1024

/** The reason that readers get while an image takes the place of everything. */
const restoring = 'a snapshot is being installed'

/**
 * The replicated state machine: applies committed commands in log order. It is deterministic; time, ids and chance come
 * inside the commands, so that nodes which applied the same log hold the same bytes.
 *
 * What it shows (`revision`, `catalog`) is what has been applied: the store may be one batch behind, but reads of it
 * wait for that batch. What it executes runs on a catalog of its own, which is ahead of the shown one within a batch.
 */
export class Database {
  /** Tenants and collections as of `revision`; another one after a restore. */
  catalog: Catalog
  /** Its reads reject with a Problem NOT_READY while a snapshot is being installed, and while the database is torn. */
  readonly store: Store
  /** Rows of keys and requests that were used lately. */
  readonly cache: RowCache
  readonly #gate: GatedStore
  readonly #cluster: Cluster
  #working: Catalog
  #position: Position
  #outcomes: Outcomes
  #isTorn: boolean
  #failure: Error | null = null
  #applying: Promise<unknown> = Promise.resolve()
  #storing: Promise<void> = Promise.resolve()
  #storingBytes = 0
  #onChanges: (changes: Change[]) => void = () => {}
  readonly #onNodes: Array<() => void> = []
  readonly #onRestore: Array<() => void> = []

  private constructor (gate: GatedStore, cacheBytes: number, content: Content) {
    this.store = gate
    this.cache = new RowCache(gate, cacheBytes)
    this.catalog = content.catalogs[0]
    this.#gate = gate
    this.#cluster = new Cluster(content.cluster)
    this.#working = content.catalogs[1]
    this.#position = content.position
    this.#outcomes = content.outcomes
    this.#isTorn = content.isTorn
    if (content.isTorn) gate.shut()
  }

  /**
   * A store in which a snapshot was not installed to the end gives a torn database: see `isTorn`.
   *
   * @throws FormatError when the store's layout is another.
   */
  static async open (store: Store, { cacheBytes = cacheBytesDefault } = {}): Promise<Database> {
    await checkFormat(store)
    return new Database(new GatedStore(store, restoring), cacheBytes, await readContent(store))
  }

  get clusterId (): string | null {
    return this.#cluster.clusterId
  }

  get settings (): Settings {
    return this.#cluster.settings
  }

  /** The Raft configuration in force; null before the first one. */
  get configuration (): AppliedConfiguration | null {
    return this.#cluster.configuration
  }

  /** The nodes of the cluster by id, removed ones included. */
  get nodes (): ReadonlyMap<string, NodeRecord> {
    return this.#cluster.nodes
  }

  /** A snapshot is being installed, or was and broke off: nothing can be read or applied, only restored. */
  get isTorn (): boolean {
    return this.#isTorn
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

  /** Over all that commands did, in their order: equal on all nodes that have applied as much. 8 hex digits. */
  get checksum (): { revision: number, index: number, value: string } {
    const { revision, index, checksum } = this.#position
    return { revision, index, value: checksumText(checksum) }
  }

  /** Called after a batch that changed the node list or the configuration. */
  listenNodes (listener: () => void): void {
    this.#onNodes.push(listener)
  }

  /** Called when an image has taken the place of everything. */
  listenRestore (listener: () => void): void {
    this.#onRestore.push(listener)
  }

  /** Called with the changes of each batch, in order, once readers can see them. */
  listen (listener: (changes: Change[]) => void): void {
    this.#onChanges = listener
  }

  /**
   * Applies commands that follow the last applied one, and tells what became of each. Calls must not overlap. Resolves
   * when readers see it all; it is then on its way to the store, in one atomic write with what else is.
   *
   * @throws Problem NOT_READY while a snapshot is being installed, and when that was not finished
   * @throws the store's error when a read or a write failed; the database then refuses all further work, because what
   * the store holds is no longer known. Opening it again recovers.
   */
  async apply (batch: Applied[]): Promise<Array<Outcome | null>> {
    if (this.#failure !== null) throw this.#failure
    if (this.#isTorn) throw new Problem('NOT_READY', { reason: restoring })
    const applying = this.#applyRuns(batch)
    this.#applying = applying
    try {
      return await applying
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
      throw error
    }
  }

  /** Resolves when what has been applied is in the store, and rejects with the store's error when that failed. */
  stored (): Promise<void> {
    return this.#storing
  }

  async #applyRuns (batch: Applied[]): Promise<Array<Outcome | null>> {
    const outcomes: Array<Outcome | null> = []
    for (const run of runsOf(batch)) outcomes.push(...await this.#apply(run))
    return outcomes
  }

  async #apply (batch: Applied[]): Promise<Array<Outcome | null>> {
    if (this.#storingBytes > storingBytesMax) await this.#storing
    const staging = new Staging(this.store, this.cache, this.#working, this.#position, this.#outcomes, () => (
      batch.flatMap(({ command }) => rowsAhead(this.#working, command))))
    const outcomes: Array<Outcome | null> = []
    for (const { index, term, command, configuration } of batch) {
      if (index !== staging.position.index + 1) {
        throw new Error(`command ${index} cannot be applied after command ${staging.position.index}`)
      }
      staging.position.index = index
      staging.position.term = term
      if (configuration !== undefined) this.#cluster.configure(staging, configuration)
      if (command === null) {
        outcomes.push(null)
        staging.commit()
        continue
      }
      let outcome = attempt(staging, this.#cluster, command)
      while (outcome instanceof Missing) {
        await staging.load(outcome)
        outcome = attempt(staging, this.#cluster, command)
      }
      outcomes.push(outcome)
    }
    staging.finish()
    this.#position = staging.position
    for (const mutation of staging.mutations) this.catalog.mutate(mutation)
    const hasNewNodes = this.#cluster.show()
    if (staging.changes.length > 0) this.#onChanges(staging.changes)
    this.#store(staging)
    if (hasNewNodes) for (const listener of this.#onNodes) listener()
    return outcomes
  }

  #store (staging: Staging): void {
    const { bytes, written } = staging.write((last) => last.put('meta', metaKeys.applied, encodePosition(staging.position)))
    this.#storing = written
    this.#storingBytes += bytes
    written.then(() => { this.#storingBytes -= bytes }, (error: Error) => { this.#failure ??= error })
  }

  /**
   * Puts the content of an image in the place of everything. Nothing can be read or applied meanwhile; reads that are
   * under way reject. An image whose header is not right changes nothing.
   *
   * @throws ImageError, or the store's error. When rows had been touched the database is torn then, also after it is
   * opened again, until another restore succeeds.
   */
  async restore (chunks: AsyncIterable<Buffer>): Promise<void> {
    const rows = await this.#beforeRestore(chunks)
    this.#gate.shut()
    try {
      this.cache.clear()
      await restoreRows(this.#gate.inner, rows)
      this.#show(await readContent(this.#gate.inner))
    } catch (error) {
      this.#show(tornContent())
      throw error
    }
    this.#gate.open()
    for (const listener of this.#onRestore) listener()
  }

  /** Refuses to apply more, waits for what is being applied, and reads the header. */
  async #beforeRestore (chunks: AsyncIterable<Buffer>): Promise<AsyncIterable<ImageRow[]>> {
    const wasTorn = this.#isTorn
    this.#isTorn = true
    try {
      await this.#applying.catch(() => {})
      if (this.#failure !== null) throw this.#failure
      await this.#storing
      return (await readImage(chunks)).rows
    } catch (error) {
      this.#isTorn = wasTorn
      throw error
    }
  }

  #show ({ catalogs, position, outcomes, cluster, isTorn }: Content): void {
    this.catalog = catalogs[0]
    this.#working = catalogs[1]
    this.#position = position
    this.#outcomes = outcomes
    this.#cluster.replace(cluster)
    this.#isTorn = isTorn
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

/**
 * Writes may share a batch. Housekeeping reads ranges that a batch does not show yet, and what concerns the cluster is
 * shown at the end of a batch, so these stand alone.
 */
function runsOf (batch: Applied[]): Applied[][] {
  const runs: Applied[][] = []
  let joins = false
  for (const applied of batch) {
    const { command, configuration } = applied
    const isPlain = configuration === undefined && (command === null || command.kind === 'write')
    if (isPlain && joins) runs.at(-1)?.push(applied)
    else runs.push([applied])
    joins = isPlain
  }
  return runs
}
