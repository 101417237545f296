import type { Family } from '../../storage/store.ts'

/** A change as readers get it. */
export interface HistoryChange {
  revision: number
  timestamp: string
  type: string
  tenant?: string
  collection?: string
  key?: string
  tags?: string[]
  data?: unknown
}

interface Tenant {
  id: number
  parent: number
  segment: string
  revision: number
}

interface Collection {
  id: number
  tenant: number
  name: string
  revision: number
}

/** What the other families must hold beside the history, by the hexadecimal digits of their keys. */
export type DerivedFamily = Exclude<Family, 'meta' | 'changes' | 'requests'>

const tenantKind = '74'
const collectionKind = '63'

/**
 * Follows the history from its first change, in plain code, and says which rows each family that derives from it must
 * hold. Values are shown as text.
 */
export class Replay {
  readonly rows: Record<DerivedFamily, Map<string, string>> = {
    tenant_changes: new Map(), entries: new Map(), catalog: new Map(), tags: new Map(),
  }

  readonly #tenants = new Map<string, Tenant>()
  readonly #collections = new Map<string, Collection>()

  /** Takes the next change, as its JSON text. Returns the ids of its tenants, topmost first, and of its collection. */
  apply (text: string): { change: HistoryChange, tenants: number[], collection: number } {
    const change = JSON.parse(text) as HistoryChange
    const { revision, type, tenant, collection, tags = [] } = change
    if (type === 'tenant-rename') this.#rename((change.data as { previous: string }).previous, tenant!, revision)
    if (type === 'tenant-create') this.#createTenant(tenant!, revision)
    if (type === 'collection-create') this.#createCollection(tenant!, collection!, revision)

    const tenants = tenant === undefined ? [] : pathOf(tenant).map((name) => this.#tenant(name).id)
    const collectionId = collection === undefined ? 0 : this.#collection(tenant!, collection).id
    if (change.key !== undefined) this.#setEntry(tenants.at(-1)!, collectionId, change, text)
    if (tenant !== undefined) this.rows.tenant_changes.set(hex(tenants.at(-1)!, revision), text)
    for (const tag of type === 'tenant-rename' ? [...tags, ''] : tags) this.rows.tags.set(Buffer.from(`${tag}\0`).toString('hex') + hex(revision), '')

    if (type === 'collection-delete') this.#deleteCollection(this.#collection(tenant!, collection!))
    if (type === 'tenant-delete') this.#deleteTenant(tenant!)
    return { change, tenants, collection: collectionId }
  }

  #createTenant (name: string, revision: number): void {
    const parent = name.includes('/') ? this.#tenant(name.slice(0, name.lastIndexOf('/'))).id : 0
    if (this.#tenants.has(name)) throw new Error(`${revision} creates the tenant ${name}, which is there`)
    this.#setTenant(name, { id: revision, parent, segment: name.slice(name.lastIndexOf('/') + 1), revision })
  }

  #rename (previous: string, name: string, revision: number): void {
    const tenant = this.#tenant(previous)
    for (const [other, held] of [...this.#tenants]) {
      if (other !== previous && !other.startsWith(`${previous}/`)) continue
      this.#tenants.delete(other)
      this.#tenants.set(name + other.slice(previous.length), held)
    }
    this.#setTenant(name, { ...tenant, segment: name.slice(name.lastIndexOf('/') + 1), revision })
  }

  #setTenant (name: string, tenant: Tenant): void {
    this.#tenants.set(name, tenant)
    const { id, parent, segment, revision } = tenant
    this.rows.catalog.set(tenantKind + hex(id), JSON.stringify({ id, parent, segment, revision }))
  }

  #deleteTenant (name: string): void {
    const { id } = this.#tenant(name)
    for (const other of this.#tenants.keys()) {
      if (other.startsWith(`${name}/`)) throw new Error(`the tenant ${name} went before ${other}, which is below it`)
    }
    for (const collection of [...this.#collections.values()]) {
      if (collection.tenant === id) this.#deleteCollection(collection)
    }
    this.#drop('tenant_changes', hex(id))
    this.rows.catalog.delete(tenantKind + hex(id))
    this.#tenants.delete(name)
  }

  #createCollection (tenant: string, name: string, revision: number): void {
    const row: Collection = { id: revision, tenant: this.#tenant(tenant).id, name, revision }
    const place = `${row.tenant} ${name}`
    if (this.#collections.has(place)) throw new Error(`${revision} creates the collection ${name}, which is there`)
    this.#collections.set(place, row)
    this.rows.catalog.set(collectionKind + hex(row.tenant, row.id), JSON.stringify(row))
  }

  /** Its keys leave the tenant's feed with it, and so does its creation. */
  #deleteCollection ({ id, tenant, name }: Collection): void {
    for (const value of this.#drop('entries', hex(tenant, id))) {
      this.rows.tenant_changes.delete(hex(tenant, Number(value.split(' ')[1])))
    }
    this.rows.tenant_changes.delete(hex(tenant, id))
    this.rows.catalog.delete(collectionKind + hex(tenant, id))
    this.#collections.delete(`${tenant} ${name}`)
  }

  /** The newest change of a key takes the place of the one before, in the entries and in the tenant's feed. */
  #setEntry (tenant: number, collection: number, change: HistoryChange, text: string): void {
    const { revision, timestamp, type } = change
    const key = hex(tenant, collection) + Buffer.from(change.key!).toString('hex')
    const before = this.rows.entries.get(key)
    if (before !== undefined) this.rows.tenant_changes.delete(hex(tenant, Number(before.split(' ')[1])))
    if (type === 'delete' && before?.startsWith('live') !== true) throw new Error(`${revision} deletes a key without a value`)
    const data = type === 'delete' ? '' : dataOf(text)
    const state = type === 'delete' ? 'deleted' : 'live'
    this.rows.entries.set(key, `${state} ${revision} ${Date.parse(timestamp)} ${data}`)
  }

  /** Removes the rows whose keys begin so, and returns their values. */
  #drop (family: DerivedFamily, prefix: string): string[] {
    const values: string[] = []
    for (const [key, value] of this.rows[family]) {
      if (!key.startsWith(prefix)) continue
      values.push(value)
      this.rows[family].delete(key)
    }
    return values
  }

  #tenant (name: string): Tenant {
    const tenant = this.#tenants.get(name)
    if (tenant === undefined) throw new Error(`the history names the tenant ${name}, which it has not made`)
    return tenant
  }

  #collection (tenant: string, name: string): Collection {
    const collection = this.#collections.get(`${this.#tenant(tenant).id} ${name}`)
    if (collection === undefined) throw new Error(`the history names the collection ${name}, which it has not made`)
    return collection
  }
}

/** The names from the topmost tenant down to this one. */
function pathOf (name: string): string[] {
  const parts = name.split('/')
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'))
}

/** The data's own text: quotes inside names are escaped, so the first member of this name is the one. */
function dataOf (text: string): string {
  const at = text.indexOf(',"data":')
  return at === -1 ? 'null' : text.slice(at + ',"data":'.length, -1)
}

/** Numbers as RocksDB orders them: 64 bits each, the highest first. */
export function hex (...numbers: number[]): string {
  return numbers.map((number) => number.toString(16).padStart(16, '0')).join('')
}
