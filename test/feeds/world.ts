import type { FastifyInstance, InjectOptions } from 'fastify'
import type { Random } from '../support/random.ts'
import type { HistoryChange } from '../support/replay.ts'

/** Tenants with a tree, names that begin alike, and collections of the same name in several. */
export const tenants = ['a', 'a/x', 'a/x/deep', 'ab', 'b']
export const collections = ['c', 'd']
export const keys = ['k', 'kk', 'ключ']
export const tags = ['red', 'blue', 'redder']

/** Makes the tenants and collections. */
export async function prepare (app: FastifyInstance): Promise<void> {
  for (const name of tenants) {
    await post(app, '/tenants', { name })
    for (const collection of collections) {
      await post(app, `/tenants/${encodeURIComponent(name)}/collections`, { name: collection })
    }
  }
}

/** Writes so many times, one after another: keys, batches, records and deletions, with and without tags. */
export async function writeMany (app: FastifyInstance, random: Random, writes: number): Promise<void> {
  for (let at = 0; at < writes; at++) {
    const chance = random.below(100)
    if (chance < 50) await post(app, '/changes', put(random))
    else if (chance < 65) await post(app, '/changes', { changes: Array.from({ length: 2 + random.below(6) }, () => put(random)) })
    else if (chance < 75) await post(app, '/changes', { data: random.below(1000), tags: someTags(random) })
    else if (chance < 85) await post(app, '/changes', { tenant: random.pick(tenants), data: 'of a tenant' })
    else if (chance < 95) await post(app, '/changes', { type: 'delete', ...place(random), tags: someTags(random) }, 404)
    else await turnover(app, random)
  }
}

/** A collection and a tenant come and go, so that followers see what concerns them. */
async function turnover (app: FastifyInstance, random: Random): Promise<void> {
  const name = `gone${random.below(1e9)}`
  await post(app, '/tenants/a/collections', { name })
  await post(app, '/changes', { tenant: 'a', collection: name, key: 'k', data: 1, tags: ['red'] })
  await send(app, { method: 'DELETE', url: `/tenants/a/collections/${name}?recursive=true` })
  await post(app, '/tenants', { name: `a/${name}` })
  await send(app, { method: 'DELETE', url: `/tenants/a%2F${name}?recursive=true` })
}

export interface Filter {
  tenant?: string
  descendants?: boolean
  collection?: string
  key?: string
  tag?: string[]
}

export const filters: Filter[] = [
  {},
  { tenant: 'a' },
  { tenant: 'a', descendants: true },
  { tenant: 'a/x', descendants: true },
  { tenant: 'b', collection: 'c' },
  { tenant: 'a', collection: 'd', key: 'k' },
  { tag: ['red'] },
  { tag: ['blue', 'redder'] },
  { tenant: 'a', descendants: true, tag: ['red', 'blue'] },
  { tenant: 'ab', collection: 'c', tag: ['redder'] },
]

export function queryOf ({ tenant, descendants, collection, key, tag = [] }: Filter): URLSearchParams {
  const query = new URLSearchParams()
  if (tenant !== undefined) query.set('tenant', tenant)
  if (descendants !== undefined) query.set('descendants', String(descendants))
  if (collection !== undefined) query.set('collection', collection)
  if (key !== undefined) query.set('key', key)
  for (const one of tag) query.append('tag', one)
  return query
}

/** Whether a change belongs to a filter, by names: nothing in this world is renamed. */
export function belongs (filter: Filter, change: HistoryChange): boolean {
  const { tenant, descendants = false, collection, key, tag = [] } = filter
  if (tag.length > 0 && !tag.some((one) => change.tags?.includes(one))) return false
  if (tenant === undefined) return true
  const isBelow = descendants && change.tenant?.startsWith(`${tenant}/`) === true
  if (change.tenant !== tenant && !isBelow) return false
  if (collection === undefined || change.type.startsWith('tenant-')) return true
  if (change.collection !== collection) return false
  return key === undefined || change.key === key || change.type.startsWith('collection-')
}

function put (random: Random): object {
  return { ...place(random), data: 'x'.repeat(random.below(300)), tags: someTags(random) }
}

function place (random: Random): { tenant: string, collection: string, key: string } {
  return { tenant: random.pick(tenants), collection: random.pick(collections), key: random.pick(keys) }
}

function someTags (random: Random): string[] {
  return tags.filter(() => random.percent(20))
}

export function post (app: FastifyInstance, url: string, payload: object, otherwise?: number): Promise<void> {
  return send(app, { method: 'POST', url, payload }, otherwise)
}

async function send (app: FastifyInstance, request: InjectOptions, otherwise?: number): Promise<void> {
  const { statusCode, body } = await app.inject(request)
  if (statusCode !== 201 && statusCode !== 200 && statusCode !== otherwise) throw new Error(`${statusCode} ${body}`)
}
