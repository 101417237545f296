import { Catalog, type CollectionRow, type TenantRow } from './catalog.ts'
import { defaultSettings, type ClusterState } from './cluster.ts'
import { decodeConfiguration } from './configuration.ts'
import { collectionRows, metaKeys, nodeRows, tenantRows } from './keys.ts'
import type { NodeRecord } from './nodes.ts'
import { chunkKeyOf, Outcomes } from './outcomes.ts'
import { decodePosition, origin, type Position } from './position.ts'
import type { Store, View } from './store.ts'
import type { Settings } from './types.ts'

/** What the database holds in memory of its rows. */
export interface Content {
  /** The one that readers see, and the one that commands are executed on. */
  catalogs: [Catalog, Catalog]
  position: Position
  outcomes: Outcomes
  cluster: ClusterState
  /** The rows are neither those of one database nor of another: nothing was read from them. */
  isTorn: boolean
}

export async function readContent (store: Store): Promise<Content> {
  if (await store.get('meta', metaKeys.torn) !== null) return tornContent()
  const clusterId = await store.get('meta', metaKeys.clusterId)
  const configuration = await store.get('meta', metaKeys.configuration)
  const position = decodePosition(await store.get('meta', metaKeys.applied))
  return {
    catalogs: [await readCatalog(store), await readCatalog(store)],
    position,
    outcomes: new Outcomes(position.index, await store.get('requests', chunkKeyOf(position.index))),
    cluster: {
      clusterId: clusterId?.toString() ?? null,
      settings: settingsOf(await store.get('meta', metaKeys.settings)),
      configuration: configuration === null ? null : decodeConfiguration(configuration),
      nodes: await readNodes(store),
    },
    isTorn: false,
  }
}

/** As if nothing had been applied. */
export function tornContent (): Content {
  return {
    catalogs: [new Catalog(), new Catalog()],
    position: { ...origin },
    outcomes: new Outcomes(0, null),
    cluster: { clusterId: null, settings: defaultSettings, configuration: null, nodes: new Map() },
    isTorn: true,
  }
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

async function readNodes (store: Pick<View, 'scan'>): Promise<Map<string, NodeRecord>> {
  const nodes = new Map<string, NodeRecord>()
  for await (const { value } of store.scan('catalog', nodeRows)) {
    const node = JSON.parse(value.toString()) as NodeRecord
    nodes.set(node.id, node)
  }
  return nodes
}

function settingsOf (row: Buffer | null): Settings {
  const stored = row === null ? {} : JSON.parse(row.toString()) as Partial<Settings>
  return { ...defaultSettings, ...stored }
}
