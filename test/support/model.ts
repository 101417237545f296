import type { Operation, RejectCommand, WriteCommand } from '../../storage/types.ts'

/** The data model in the plainest form that could be right: maps, lists, and no thought of speed. */
export interface ModelChange {
  revision: number
  type: string
  tenant?: string
  collection?: string
  key?: string
  tags: string[]
  data?: unknown
  /** Ids, for the feeds. */
  tenantIds: number[]
  collectionId: number
}

interface ModelCollection {
  id: number
  keys: Map<string, { revision: number, data: unknown }>
}

interface ModelTenant {
  id: number
  revision: number
  collections: Map<string, ModelCollection>
}

export class Refused extends Error {
  readonly code: string
  constructor (code: string) {
    super(code)
    this.code = code
  }
}

export type ModelOutcome = { revisions: number[], branch: string } | { code: string }

export class Model {
  tenants = new Map<string, ModelTenant>()
  changes: ModelChange[] = []
  /** The greatest time of any command. */
  clock = 0
  /** Of writes with receipts, by the receipts' ids in hex: what became of each, and the revision after it. */
  outcomes = new Map<string, { outcome: ModelOutcome, revision: number }>()

  get revision (): number {
    return this.changes.length
  }

  /** Does all of the write or nothing; returns the revisions, or the code of the refusal. */
  write (command: WriteCommand | RejectCommand): ModelOutcome {
    const { receipt, timestamp } = command
    this.clock = Math.max(this.clock, timestamp)
    if (receipt === undefined) return this.#write(command as WriteCommand)
    const id = receipt.id.toString('hex')
    const known = this.outcomes.get(id)
    if (known !== undefined) return known.outcome
    if (this.clock > receipt.deadline) return { code: 'WRITE_EXPIRED' }
    const outcome = command.kind === 'reject' ? { code: command.code } : this.#write(command)
    this.outcomes.set(id, { outcome, revision: this.revision })
    return outcome
  }

  #write (command: WriteCommand): ModelOutcome {
    const before = structuredClone({ tenants: this.tenants, changes: this.changes })
    const { called = [] } = command
    try {
      for (const { id, name } of called) if (this.#named(id) !== (name ?? id)) throw new Refused('TENANT_RENAMED')
      const failed = command.compare.find((compare) => {
        const collection = this.tenants.get(this.#named(compare.tenant))?.collections.get(compare.collection)
        const revision = collection?.keys.get(compare.key)?.revision ?? 0
        return compare.revision === 'exists' ? revision === 0 : revision !== compare.revision
      })
      const holds = failed === undefined
      if (!holds && command.else === undefined) {
        this.#collection(failed.tenant, failed.collection)
        throw new Refused('PRECONDITION_FAILED')
      }
      const from = this.revision
      for (const operation of holds ? command.then : command.else ?? []) this.#perform(operation)
      return {
        revisions: this.changes.slice(from).map(({ revision }) => revision), branch: holds ? 'then' : 'else',
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.tenants = before.tenants
      this.changes = before.changes
      return { code: error.code }
    }
  }

  #perform (asked: Operation): void {
    const isCreated = asked.type === 'tenant-create' || asked.tenant === undefined
    const operation = isCreated ? asked : { ...asked, tenant: this.#named(asked.tenant!) }
    const { type, tenant: name = '', collection = '', key, data } = operation
    const value = data === undefined ? undefined : JSON.parse(data.toString()) as unknown
    switch (type) {
      case 'put': {
        if (operation.tenant !== undefined) this.#tenant(name)
        if (operation.collection !== undefined) this.#collection(name, collection)
        const revision = this.#append(operation, value)
        if (key !== undefined) this.#collection(name, collection).keys.set(key, { revision, data: value ?? null })
        return
      }
      case 'delete': {
        const { keys } = this.#collection(name, collection)
        if (!keys.has(key!)) throw new Refused('KEY_NOT_FOUND')
        this.#append(operation, undefined)
        keys.delete(key!)
        return
      }
      case 'tenant-create': {
        if (this.tenants.has(name)) throw new Refused('TENANT_EXISTS')
        const parent = parentOf(name)
        if (parent !== '' && !this.tenants.has(parent)) throw new Refused('TENANT_NOT_FOUND')
        const id = this.revision + 1
        this.tenants.set(name, { id, revision: id, collections: new Map() })
        this.#append(operation, { id: String(id) })
        return
      }
      case 'tenant-rename': {
        const tenant = this.#tenant(name)
        const newName = operation.name ?? ''
        if (parentOf(newName) !== parentOf(name)) throw new Refused('TENANT_MOVED')
        if (newName !== name && this.tenants.has(newName)) throw new Refused('TENANT_EXISTS')
        this.tenants = new Map([...this.tenants].map(([other, held]) => [
          other === name || other.startsWith(name + '/') ? newName + other.slice(name.length) : other, held,
        ]))
        tenant.revision = this.revision + 1
        this.#append({ type, tenant: newName }, { id: String(tenant.id), previous: name })
        return
      }
      case 'tenant-delete': {
        this.#tenant(name)
        const below = [...this.tenants.keys()].filter((other) => other.startsWith(name + '/'))
        if (operation.recursive !== true && (below.length > 0 || this.#tenant(name).collections.size > 0)) {
          throw new Refused('TENANT_NOT_EMPTY')
        }
        for (const gone of this.#childrenFirst(name)) {
          this.#append({ type, tenant: gone }, undefined)
          this.tenants.delete(gone)
        }
        return
      }
      case 'collection-create': {
        const tenant = this.#tenant(name)
        if (tenant.collections.has(collection)) throw new Refused('COLLECTION_EXISTS')
        const id = this.revision + 1
        tenant.collections.set(collection, { id, keys: new Map() })
        this.#append(operation, { id: String(id) })
        return
      }
      case 'collection-delete': {
        const held = this.#collection(name, collection)
        if (operation.recursive !== true && held.keys.size > 0) throw new Refused('COLLECTION_NOT_EMPTY')
        this.#append(operation, undefined)
        this.tenants.get(name)!.collections.delete(collection)
      }
    }
  }

  /** The newest change of each key of a tenant, as its own feed must show it. */
  tenantFeed (id: number): number[] {
    const own = this.changes.filter(({ tenantIds }) => tenantIds.at(-1) === id)
    const deleted = new Set(own.filter(({ type }) => type === 'collection-delete').map(({ collectionId }) => collectionId))
    return own.filter((change, at) => {
      const { type, collectionId, key } = change
      if (key === undefined) return !(type === 'collection-create' && deleted.has(collectionId))
      if (deleted.has(collectionId)) return false
      return !own.slice(at + 1).some((later) => later.collectionId === collectionId && later.key === key)
    }).map(({ revision }) => revision)
  }

  #childrenFirst (name: string): string[] {
    const children = [...this.tenants.keys()].filter((other) => parentOf(other) === name).sort().reverse()
    return [...children.flatMap((child) => this.#childrenFirst(child)), name]
  }

  #append ({ type, tenant, collection, key, tags = [] }: Operation, data: unknown): number {
    const revision = this.revision + 1
    const path = tenant === undefined ? [] : tenant.split('/').map((_, at, parts) => this.tenants.get(parts.slice(0, at + 1).join('/'))!.id)
    const collectionId = collection === undefined ? 0 : this.tenants.get(tenant!)!.collections.get(collection)!.id
    this.changes.push({
      revision,
      type,
      tags: [...new Set(tags)],
      tenantIds: path,
      collectionId,
      ...(tenant === undefined ? {} : { tenant }),
      ...(collection === undefined ? {} : { collection }),
      ...(key === undefined ? {} : { key }),
      ...(data === undefined ? {} : { data }),
    })
    return revision
  }

  /** A tenant that is there may be called by its id. */
  #named (reference: string): string {
    return [...this.tenants].find(([, { id }]) => String(id) === reference)?.[0] ?? reference
  }

  #tenant (reference: string): ModelTenant {
    const tenant = this.tenants.get(this.#named(reference))
    if (tenant === undefined) throw new Refused('TENANT_NOT_FOUND')
    return tenant
  }

  #collection (tenant: string, name: string): ModelCollection {
    const collection = this.#tenant(tenant).collections.get(name)
    if (collection === undefined) throw new Refused('COLLECTION_NOT_FOUND')
    return collection
  }
}

function parentOf (name: string): string {
  return name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : ''
}
