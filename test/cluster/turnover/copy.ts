import type { HistoryChange } from '../../support/replay.ts'

interface SnapshotLine {
  dump?: { revision: number }
  tenant?: { name: string }
  collection?: { name: string, tenant: string }
  entry?: { tenant: string, collection: string, key: string, revision: number, data: unknown }
  end?: { lines: number }
}

/** A local copy by the rules of docs/concepts/feeds.md: tenants, their collections, and the keys of these. */
export class Copy {
  revision = 0
  readonly #tenants = new Map<string, Map<string, Map<string, string>>>()

  /** @throws Error when the snapshot was cut off */
  static of (snapshot: string): Copy {
    const copy = new Copy()
    const lines = snapshot.trimEnd().split('\n').map((line) => JSON.parse(line) as SnapshotLine)
    if (lines.at(-1)?.end?.lines !== lines.length - 1) throw new Error('the snapshot was cut off')
    for (const { dump, tenant, collection, entry } of lines) {
      if (dump !== undefined) copy.revision = dump.revision
      if (tenant !== undefined) copy.#tenants.set(tenant.name, new Map())
      if (collection !== undefined) copy.#tenants.get(collection.tenant)!.set(collection.name, new Map())
      if (entry === undefined) continue
      const keys = copy.#tenants.get(entry.tenant)!.get(entry.collection)!
      keys.set(entry.key, JSON.stringify([entry.revision, entry.data]))
    }
    return copy
  }

  /** @throws Error for a change that cannot follow what the copy has: out of order, or to what is not there */
  apply (change: HistoryChange): void {
    const { revision, type, tenant = '', collection = '', key, data } = change
    if (revision !== this.revision + 1) throw new Error(`change ${revision} follows ${this.revision}`)
    this.revision = revision
    if (type === 'tenant-create') return void this.#tenants.set(tenant, new Map())
    const collections = this.#tenants.get(tenant)
    if (collections === undefined) throw new Error(`a change in a tenant that is not there: ${JSON.stringify(change)}`)
    if (type === 'tenant-delete') return void this.#tenants.delete(tenant)
    if (type === 'collection-create') return void collections.set(collection, new Map())
    const keys = collections.get(collection)
    if (keys === undefined) throw new Error(`a change in a collection that is not there: ${JSON.stringify(change)}`)
    if (type === 'collection-delete') return void collections.delete(collection)
    if (type === 'put') keys.set(key!, JSON.stringify([revision, data]))
    else if (!keys.delete(key!)) throw new Error(`a deletion of a key that is not there: ${JSON.stringify(change)}`)
  }

  /** All that it holds, in an order of its own. */
  get text (): string {
    const lines = [...this.#tenants].flatMap(([tenant, collections]) => [
      tenant,
      ...[...collections].flatMap(([collection, keys]) => [
        `${tenant}: ${collection}`, ...[...keys].map(([key, value]) => `${tenant}: ${collection}: ${key} = ${value}`),
      ]),
    ])
    return lines.sort().join('\n')
  }
}
