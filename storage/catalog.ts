import type { Collection, Tenant } from './types.ts'

/** A tenant as its row holds it: names of tenants below follow from their parents'. */
export interface TenantRow {
  id: number
  /** 0 for a topmost tenant. */
  parent: number
  /** The last part of the name. */
  segment: string
  revision: number
}

export interface CollectionRow {
  id: number
  tenant: number
  name: string
  revision: number
}

/** One step of change to the catalog: a row set, or (with `row` null) removed. */
export type Mutation =
  { kind: 'tenant', id: number, row: TenantRow | null } |
  { kind: 'collection', tenant: number, name: string, row: CollectionRow | null }

interface TenantNode extends TenantRow {
  name: string
  /** Ids from the topmost tenant down to this one. */
  path: number[]
  children: Map<string, TenantNode>
  collections: Map<string, CollectionRow>
}

/**
 * Tenants and collections, in memory: they are few beside the keys, and every write asks for them. The catalog changes
 * by mutations only, each of which returns its own inverse.
 */
export class Catalog {
  readonly #root: TenantNode = {
    id: 0, parent: 0, segment: '', name: '', revision: 0, path: [], children: new Map(), collections: new Map(),
  }

  readonly #byId = new Map<number, TenantNode>([[0, this.#root]])
  readonly #byName = new Map<string, TenantNode>()

  /** By id or name. A name of digits only cannot be, so that the two are never confused. */
  tenant (reference: string): TenantNode | null {
    const byName = this.#byName.get(reference)
    if (byName !== undefined) return byName
    if (!/^[1-9][0-9]{0,15}$/.test(reference)) return null
    return this.#byId.get(Number(reference)) ?? null
  }

  /** By name alone: what a name stands below is named, too. */
  tenantNamed (name: string): TenantNode | null {
    return this.#byName.get(name) ?? null
  }

  tenantById (id: number): TenantNode | null {
    return id === 0 ? null : this.#byId.get(id) ?? null
  }

  collection (tenant: TenantNode, name: string): CollectionRow | null {
    return tenant.collections.get(name) ?? null
  }

  /** All tenants, or those at and below one, parents before children, names in order. */
  * tenants (from?: TenantNode): Generator<TenantNode> {
    if (from !== undefined) yield from
    for (const child of sorted((from ?? this.#root).children)) yield * this.tenants(child)
  }

  * collections (tenant: TenantNode): Generator<CollectionRow> {
    yield * sorted(tenant.collections)
  }

  get tenantCount (): number {
    return this.#byName.size
  }

  /** Does one mutation and returns the one that undoes it. */
  mutate (mutation: Mutation): Mutation {
    return mutation.kind === 'tenant'
      ? this.#setTenant(mutation.id, mutation.row)
      : this.#setCollection(mutation.tenant, mutation.name, mutation.row)
  }

  #setTenant (id: number, row: TenantRow | null): Mutation {
    const before = this.#byId.get(id)
    const inverse: Mutation = { kind: 'tenant', id, row: before === undefined ? null : rowOf(before) }
    if (before !== undefined) {
      this.#node(before.parent).children.delete(before.segment)
      this.#forget(before)
    }
    if (row === null) {
      this.#byId.delete(id)
      return inverse
    }
    const node = before ?? { ...row, name: '', path: [], children: new Map(), collections: new Map() }
    Object.assign(node, row)
    const parent = this.#node(row.parent)
    const namesake = parent.children.get(row.segment)
    if (namesake !== undefined && namesake !== node) {
      throw new Error(`the catalog has tenants ${namesake.id} and ${id} of the same name`)
    }
    node.path = [...parent.path, id]
    parent.children.set(row.segment, node)
    this.#byId.set(id, node)
    this.#name(node, parent)
    return inverse
  }

  #setCollection (tenant: number, name: string, row: CollectionRow | null): Mutation {
    const { collections } = this.#node(tenant)
    const before = collections.get(name) ?? null
    if (row === null) collections.delete(name)
    else collections.set(name, row)
    return { kind: 'collection', tenant, name, row: before }
  }

  #node (id: number): TenantNode {
    const node = this.#byId.get(id)
    if (node === undefined) throw new Error(`the catalog has no tenant ${id}`)
    return node
  }

  #forget (node: TenantNode): void {
    this.#byName.delete(node.name)
    for (const child of node.children.values()) this.#forget(child)
  }

  #name (node: TenantNode, parent: TenantNode): void {
    node.name = parent.name === '' ? node.segment : `${parent.name}/${node.segment}`
    this.#byName.set(node.name, node)
    for (const child of node.children.values()) this.#name(child, node)
  }
}

export type { TenantNode }

export function tenantOf (node: TenantNode): Tenant {
  return { id: node.id, name: node.name, revision: node.revision }
}

export function collectionOf (row: CollectionRow, tenant: TenantNode): Collection {
  return { id: row.id, name: row.name, tenant: tenant.name, revision: row.revision }
}

function rowOf ({ id, parent, segment, revision }: TenantNode): TenantRow {
  return { id, parent, segment, revision }
}

function sorted<Value> (map: Map<string, Value>): Value[] {
  return [...map.entries()].sort(([a], [b]) => a < b ? -1 : 1).map(([, value]) => value)
}
