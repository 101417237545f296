import { makeChange, type Scope } from './change.ts'
import type { Catalog, CollectionRow, TenantNode } from './catalog.ts'
import { encodeEntry, encodeTombstone, entryRevision, headerBytes, isLive } from './entry.ts'
import {
  changeKey, collectionRange, collectionRowKey, entryKey, renameTag, tagKey, tenantChangeKey, tenantRange, tenantRowKey,
} from './keys.ts'
import { tenantBytesMax } from './names.ts'
import { Problem } from './problem.ts'
import type { Staging } from './staging.ts'
import type { RowKey } from './store.ts'
import { timestampText } from './timestamp.ts'
import type { Compare, Operation, OperationPlace, WriteCommand, Written } from './types.ts'

/**
 * Executes one write against the staged state: pure of time and chance, because both come inside the command. Every
 * precondition that depends on the state is checked here, whatever was checked before the command was proposed. How
 * names are spelt is checked before only: normal forms depend on the Unicode tables of the runtime, and nodes with
 * different ones must not disagree on a command.
 *
 * @throws Problem when the write is refused; Missing when rows must be loaded first.
 */
export function executeWrite (staging: Staging, command: WriteCommand): { branch: 'then' | 'else', written: Written[] } {
  const called = command.called ?? []
  const other = called.find(({ id, name }) => (staging.catalog.tenant(id)?.name ?? null) !== name)
  if (other !== undefined) throw new Problem('TENANT_RENAMED', { tenant: other.id })
  const failed = command.compare.findIndex((compare) => !holds(staging, compare))
  if (failed !== -1 && command.else === undefined) {
    throw placed(refusalOf(staging, command.compare[failed]!), 'compare', failed)
  }
  const branch = failed === -1 ? 'then' : 'else'
  const operations = failed === -1 ? command.then : command.else ?? []
  const writer = new Writer(staging, timestampText(staging.position.timestamp))
  let place = 0
  try {
    for (; place < operations.length; place++) writer.perform(operations[place]!)
  } catch (error) {
    throw error instanceof Problem ? placed(error, branch, place) : error
  }
  return { branch, written: writer.written }
}

function placed (problem: Problem, branch: OperationPlace['branch'], place: number): Problem {
  problem.at = { branch, place }
  return problem
}

/** That there is no such place is told before what the key there is not (RFC 9110, section 13.2.1). */
function refusalOf (staging: Staging, failed: Compare): Problem {
  const { collection, key } = failed
  const tenant = staging.catalog.tenant(failed.tenant)
  if (tenant === null) return new Problem('TENANT_NOT_FOUND', { tenant: failed.tenant })
  if (staging.catalog.collection(tenant, collection) === null) {
    return new Problem('COLLECTION_NOT_FOUND', { tenant: tenant.name, collection })
  }
  return new Problem('PRECONDITION_FAILED', { tenant: tenant.name, collection, key, revision: revisionOf(staging, failed) })
}

function holds (staging: Staging, compare: Compare): boolean {
  const revision = revisionOf(staging, compare)
  return compare.revision === 'exists' ? revision > 0 : revision === compare.revision
}

/** The revision of a key, or 0 when it, its collection or its tenant is absent. */
function revisionOf (staging: Staging, { tenant, collection, key }: Compare): number {
  const node = staging.catalog.tenant(tenant)
  const row = node === null ? null : staging.catalog.collection(node, collection)
  if (node === null || row === null) return 0
  const entry = staging.row('entries', entryKey(node.id, row.id, key))
  return entry !== null && isLive(entry) ? entryRevision(entry) : 0
}

class Writer {
  readonly written: Written[] = []
  readonly #staging: Staging
  readonly #timestamp: string

  constructor (staging: Staging, timestamp: string) {
    this.#staging = staging
    this.#timestamp = timestamp
  }

  perform (operation: Operation): void {
    switch (operation.type) {
      case 'put': return operation.key === undefined ? this.#record(operation) : this.#put(operation)
      case 'delete': return this.#delete(operation)
      case 'tenant-create': return this.#createTenant(operation)
      case 'tenant-rename': return this.#renameTenant(operation)
      case 'tenant-delete': return this.#deleteTenant(operation)
      case 'collection-create': return this.#createCollection(operation)
      case 'collection-delete': return this.#deleteCollection(operation)
    }
  }

  /** A change without a key: it is history only and leaves no entry. */
  #record (operation: Operation): void {
    const tenant = operation.tenant === undefined ? null : this.#tenant(operation)
    const isPlaced = tenant !== null && operation.collection !== undefined
    const collection = isPlaced ? this.#collection(operation, tenant) : null
    this.#append(operation, tenant, collection, true)
  }

  #put (operation: Operation): void {
    const tenant = this.#tenant(operation)
    const collection = this.#collection(operation, tenant)
    const row = entryKey(tenant.id, collection.id, operation.key ?? '')
    const before = this.#staging.row('entries', row)
    const revision = this.#append(operation, tenant, collection, before === null || !isLive(before))
    this.#supersede(tenant, before)
    this.#staging.put('entries', row, encodeEntry(revision, this.#staging.position.timestamp, operation.data ?? nullData))
  }

  #delete (operation: Operation): void {
    const tenant = this.#tenant(operation)
    const collection = this.#collection(operation, tenant)
    const key = operation.key ?? ''
    const row = entryKey(tenant.id, collection.id, key)
    const before = this.#staging.row('entries', row)
    if (before === null || !isLive(before)) {
      throw new Problem('KEY_NOT_FOUND', { tenant: tenant.name, collection: collection.name, key })
    }
    const revision = this.#append(operation, tenant, collection, false)
    this.#supersede(tenant, before)
    this.#staging.put('entries', row, encodeTombstone(revision, this.#staging.position.timestamp))
  }

  /** The tenant feed keeps the newest change of each key only. */
  #supersede (tenant: TenantNode, before: Buffer | null): void {
    if (before !== null) this.#staging.delete('tenant_changes', tenantChangeKey(tenant.id, entryRevision(before)))
  }

  #createTenant (operation: Operation): void {
    const name = operation.tenant ?? ''
    const { catalog } = this.#staging
    if (catalog.tenantNamed(name) !== null) throw new Problem('TENANT_EXISTS', { tenant: name })
    const { parent: parentName, segment } = splitName(name)
    const parent = parentName === '' ? null : catalog.tenantNamed(parentName)
    if (parentName !== '' && parent === null) throw new Problem('TENANT_NOT_FOUND', { tenant: parentName })
    const id = this.#staging.position.revision + 1
    this.#setTenant({ id, parent: parent?.id ?? 0, segment, revision: id })
    const data = json({ id: String(id) })
    this.#append({ type: operation.type, data, ...tagsOf(operation) }, catalog.tenantById(id), null, true)
  }

  #renameTenant (operation: Operation): void {
    const tenant = this.#tenant(operation)
    const name = operation.name ?? ''
    const previous = tenant.name
    const { parent, segment } = splitName(name)
    if (parent !== splitName(previous).parent) throw new Problem('TENANT_MOVED', { tenant: previous, name })
    const holder = this.#staging.catalog.tenantNamed(name)
    if (holder !== null && holder !== tenant) throw new Problem('TENANT_EXISTS', { tenant: name })
    this.#assertLengths(tenant, name)
    this.#setTenant({ id: tenant.id, parent: tenant.parent, segment, revision: this.#staging.position.revision + 1 })
    const data = json({ id: String(tenant.id), previous })
    this.#append({ type: operation.type, data, ...tagsOf(operation) }, tenant, null, false)
    this.written.at(-1)!.id = tenant.id
  }

  /** The names of the tenants below begin with this one, and are still to be names. */
  #assertLengths (tenant: TenantNode, name: string): void {
    const more = Buffer.byteLength(name) - Buffer.byteLength(tenant.name)
    if (more <= 0) return
    for (const { name: below } of this.#staging.catalog.tenants(tenant)) {
      const bytes = Buffer.byteLength(below) + more
      if (bytes > tenantBytesMax) throw new Problem('TENANT_NAME_TOO_LONG', { tenant: below, bytes, limitBytes: tenantBytesMax })
    }
  }

  #setTenant (row: { id: number, parent: number, segment: string, revision: number }): void {
    this.#staging.mutate({ kind: 'tenant', id: row.id, row })
    this.#staging.put('catalog', tenantRowKey(row.id), json(row))
  }

  /** A deletion with all that the tenant holds: a change for each tenant, children first; rows go by ranges. */
  #deleteTenant (operation: Operation): void {
    const top = this.#tenant(operation)
    const { catalog } = this.#staging
    const tenants = [...catalog.tenants(top)]
    if (operation.recursive !== true && (tenants.length > 1 || top.collections.size > 0)) {
      throw new Problem('TENANT_NOT_EMPTY', {
        tenant: top.name, tenants: tenants.length - 1, collections: top.collections.size,
      })
    }
    for (const tenant of tenants.reverse()) {
      for (const collection of [...catalog.collections(tenant)]) this.#dropCollection(tenant, collection)
      this.#append({ type: operation.type, ...tagsOf(operation) }, tenant, null, false)
      this.#staging.deleteRange('entries', tenantRange(tenant.id))
      this.#staging.deleteRange('tenant_changes', tenantRange(tenant.id))
      this.#staging.delete('catalog', tenantRowKey(tenant.id))
      this.#staging.mutate({ kind: 'tenant', id: tenant.id, row: null })
    }
  }

  #createCollection (operation: Operation): void {
    const tenant = this.#tenant(operation)
    const name = operation.collection ?? ''
    if (tenant.collections.has(name)) throw new Problem('COLLECTION_EXISTS', { tenant: tenant.name, collection: name })
    const id = this.#staging.position.revision + 1
    const row: CollectionRow = { id, tenant: tenant.id, name, revision: id }
    this.#staging.mutate({ kind: 'collection', tenant: tenant.id, name, row })
    this.#staging.put('catalog', collectionRowKey(tenant.id, id), json(row))
    this.#append({ type: operation.type, data: json({ id: String(id) }), ...tagsOf(operation) }, tenant, row, true)
  }

  /** The keys leave the tenant feed one by one, because it is ordered by revision; the rest goes by range. */
  #deleteCollection (operation: Operation): void {
    const tenant = this.#tenant(operation)
    const collection = this.#collection(operation, tenant)
    const range = collectionRange(tenant.id, collection.id)
    const rows = this.#staging.range('entries', range, headerBytes)
    if (operation.recursive !== true && rows.some(({ value }) => isLive(value))) {
      throw new Problem('COLLECTION_NOT_EMPTY', { tenant: tenant.name, collection: collection.name })
    }
    this.#append({ type: operation.type, ...tagsOf(operation) }, tenant, collection, false)
    for (const { value } of rows) this.#supersede(tenant, value)
    this.#staging.delete('tenant_changes', tenantChangeKey(tenant.id, collection.revision))
    this.#staging.deleteRange('entries', range)
    this.#dropCollection(tenant, collection)
  }

  #dropCollection (tenant: TenantNode, collection: CollectionRow): void {
    this.#staging.mutate({ kind: 'collection', tenant: tenant.id, name: collection.name, row: null })
    this.#staging.delete('catalog', collectionRowKey(tenant.id, collection.id))
  }

  /** Gives out the next revision and puts the change into the history, the tenant's feed and the tags' index. */
  #append (
    operation: Operation, tenant: TenantNode | null, collection: CollectionRow | null, created: boolean
  ): number {
    const { position } = this.#staging
    const revision = ++position.revision
    const tags = operation.tags === undefined ? [] : [...new Set(operation.tags)]
    const scope: Scope = {
      type: operation.type,
      tenants: tenant?.path ?? [],
      collection: collection?.id ?? 0,
      key: operation.key ?? null,
      tags,
    }
    const { change, row } = makeChange(scope, {
      revision,
      timestamp: this.#timestamp,
      tenant: tenant?.name,
      collection: collection?.name,
      data: operation.data,
    })
    this.#staging.put('changes', changeKey(revision), row)
    if (tenant !== null) this.#staging.put('tenant_changes', tenantChangeKey(tenant.id, revision), row)
    for (const tag of tags) this.#staging.put('tags', tagKey(tag, revision), nothing)
    if (operation.type === 'tenant-rename') this.#staging.put('tags', tagKey(renameTag, revision), nothing)
    this.#staging.change(change)
    this.written.push({ revision, timestamp: position.timestamp, created })
    return revision
  }

  #tenant ({ tenant = '' }: Operation): TenantNode {
    const node = this.#staging.catalog.tenant(tenant)
    if (node === null) throw new Problem('TENANT_NOT_FOUND', { tenant })
    return node
  }

  #collection ({ collection = '' }: Operation, tenant: TenantNode): CollectionRow {
    const row = this.#staging.catalog.collection(tenant, collection)
    if (row === null) throw new Problem('COLLECTION_NOT_FOUND', { tenant: tenant.name, collection })
    return row
  }
}

const nothing = Buffer.alloc(0)
const nullData = Buffer.from('null')

function json (value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

function tagsOf ({ tags }: Operation): { tags?: string[] } {
  return tags === undefined ? {} : { tags }
}

function splitName (name: string): { parent: string, segment: string } {
  const at = name.lastIndexOf('/')
  return { parent: at === -1 ? '' : name.slice(0, at), segment: name.slice(at + 1) }
}

/** The rows that a write will ask for, as far as the catalog tells before it runs. */
export function rowsOf (catalog: Catalog, { compare, then }: WriteCommand): RowKey[] {
  const rows: RowKey[] = []
  for (const list of [compare, then]) {
    for (const { tenant, collection, key } of list) {
      if (tenant === undefined || collection === undefined || key === undefined) continue
      const node = catalog.tenant(tenant)
      const row = node === null ? null : catalog.collection(node, collection)
      if (node !== null && row !== null) rows.push({ family: 'entries', key: entryKey(node.id, row.id, key) })
    }
  }
  return rows
}
