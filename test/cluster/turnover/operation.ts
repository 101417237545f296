import type { Random } from '../../support/random.ts'

/** Tenants that come and go below one that stays; deleting the first takes the second along. */
const tenants = ['top/a', 'top/a/deep', 'top/b']
const collections = ['c', 'd']
const keys = ['hot', 'warm']

export const stays = 'top'

export type Kind = 'put' | 'delete' | 'read' | 'batch' | 'collection-create' | 'collection-delete' | 'tenant-create' | 'tenant-delete'

/** Of what a client asks, by how often. */
const kinds: Kind[] = [
  'put', 'put', 'put', 'put', 'put', 'put', 'read', 'read', 'read', 'delete', 'batch', 'collection-create', 'collection-create',
  'collection-create', 'collection-delete', 'tenant-create', 'tenant-create', 'tenant-delete',
]

export interface Place {
  tenant: string
  collection: string
  key: string
}

/** What a client asked for and what it was told. */
export interface Operation extends Place {
  id: string
  kind: Kind
  /** Another place, for a batch. */
  second: Place
  /** The newest revision that any answer had shown when it was asked. */
  floor: number
  /** When it was asked, and when it was answered: Infinity until then. Milliseconds of this process's clock. */
  called: number
  returned: number
  /** Null while nobody knows. */
  result: Result | null
}

/** `revision` is of the change, or of the value that was read; `database` is how far the answering node was. */
export type Result =
  { what: 'done', revision: number, database: number } |
  { what: 'refused', code: string, database: number }

export function isSame (one: Place, other: Place): boolean {
  return one.tenant === other.tenant && one.collection === other.collection && one.key === other.key
}

export const places: readonly Place[] = tenants.flatMap((tenant) => (
  collections.flatMap((collection) => keys.map((key) => ({ tenant, collection, key })))))

export function somePlace (random: Random): Place {
  return { tenant: random.pick(tenants), collection: random.pick(collections), key: random.pick(keys) }
}

export function someOperation (random: Random, id: string, floor: number): Operation {
  return {
    id,
    kind: random.pick(kinds),
    ...somePlace(random),
    second: somePlace(random),
    floor,
    called: performance.now(),
    returned: Infinity,
    result: null,
  }
}

export interface Request {
  method: string
  path: string
  body?: object
}

/** The request for it. The id goes along as data and as a tag, where there is a place for it. */
export function requestOf ({ id, kind, tenant, collection, key, second }: Operation): Request {
  const atTenant = `/tenants/${encodeURIComponent(tenant)}`
  const atCollection = `${atTenant}/collections/${collection}`
  const change = { tenant, collection, key, tags: [id] }
  switch (kind) {
    case 'put': return { method: 'PUT', path: `${atCollection}/keys/${key}`, body: { data: id, tags: [id] } }
    case 'read': return { method: 'GET', path: `${atCollection}/keys/${key}` }
    case 'delete': return { method: 'POST', path: '/changes', body: { ...change, type: 'delete' } }
    case 'batch': return {
      method: 'POST', path: '/changes', body: { changes: [{ ...change, data: id }, { ...second, tags: [id], data: id }] },
    }
    case 'collection-create': return { method: 'POST', path: `${atTenant}/collections`, body: { name: collection, tags: [id] } }
    case 'collection-delete': return { method: 'DELETE', path: `${atCollection}?recursive=true` }
    case 'tenant-create': return { method: 'POST', path: '/tenants', body: { name: tenant, tags: [id] } }
    case 'tenant-delete': return { method: 'DELETE', path: `${atTenant}?recursive=true` }
  }
}
