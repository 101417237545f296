import { crc32c } from '@node-rs/crc32'
import { collectionOf, tenantOf, type Catalog, type TenantNode } from './catalog.ts'
import { readCatalog } from './content.ts'
import { decodeEntry, isLive } from './entry.ts'
import { collectionRange, metaKeys } from './keys.ts'
import { checksumText, decodePosition } from './position.ts'
import { Problem } from './problem.ts'
import type { View } from './store.ts'

/** The layout of a dump; another number means that this release cannot read it. */
export const dumpVersion = 1

export interface Dump {
  /** The changes after this one continue the dump. */
  revision: number
  /** Lines of JSON: a header, the records, a checksum over all before it. */
  lines: AsyncGenerator<Buffer>
  /** Releases the view when the lines were never begun: then they do not notice that they are given up. */
  giveUp: () => Promise<void>
}

/**
 * The current state of the database at one revision: tenants before those below them, then each tenant's collections
 * with their keys in order. Data is copied as bytes. With a tenant, that one and those below it; with `sees`, those
 * whose names it lets through, and the header says that it is partial.
 *
 * The view is released when the lines have been read to the end, or are given up after the first one; else by `giveUp`.
 *
 * @throws Problem TENANT_NOT_FOUND
 */
export async function dumpOf (
  view: View, tenant?: string, sees: ((name: string) => boolean) | null = null
): Promise<Dump> {
  try {
    const position = decodePosition(await view.get('meta', metaKeys.applied))
    const clusterId = await view.get('meta', metaKeys.clusterId)
    const catalog = await readCatalog(view)
    const top = tenant === undefined ? undefined : catalog.tenant(tenant) ?? undefined
    // It may have been renamed since its reader was let in.
    const isHidden = top !== undefined && sees !== null && !sees(top.name)
    if (tenant !== undefined && (top === undefined || isHidden)) throw new Problem('TENANT_NOT_FOUND', { tenant })
    const header = {
      version: dumpVersion,
      clusterId: clusterId?.toString() ?? null,
      revision: position.revision,
      timestamp: new Date(position.timestamp).toISOString(),
      ...(top === undefined ? {} : { tenant: top.name }),
      ...(sees === null ? {} : { partial: true }),
    }
    let isBegun = false
    const begin = (): void => { isBegun = true }
    return {
      revision: position.revision,
      lines: checked(view, recordsOf(view, { catalog, top, sees }, header), begin),
      giveUp: async () => { if (!isBegun) await view.release() },
    }
  } catch (error) {
    await view.release()
    throw error
  }
}

interface Part {
  catalog: Catalog
  top: TenantNode | undefined
  sees: ((name: string) => boolean) | null
}

async function * recordsOf (view: View, { catalog, top, sees }: Part, header: object): AsyncGenerator<Buffer> {
  yield line('dump', JSON.stringify(header))
  for (const tenant of catalog.tenants(top)) {
    if (sees?.(tenant.name) === false) continue
    yield line('tenant', JSON.stringify({ ...tenantOf(tenant), id: String(tenant.id) }))
    for (const row of catalog.collections(tenant)) {
      yield line('collection', JSON.stringify({ ...collectionOf(row, tenant), id: String(row.id) }))
      const place = `"tenant":${JSON.stringify(tenant.name)},"collection":${JSON.stringify(row.name)}`
      for await (const { key, value } of view.scan('entries', collectionRange(tenant.id, row.id))) {
        if (!isLive(value)) continue
        const entry = decodeEntry(key, value)
        yield Buffer.concat([
          Buffer.from(`{"entry":{${place},"key":${JSON.stringify(entry.key)},"revision":${entry.revision},` +
            `"timestamp":"${new Date(entry.timestamp).toISOString()}","data":`),
          entry.data,
          Buffer.from('}}\n'),
        ])
      }
    }
  }
}

/** Gathers lines into pieces worth sending, and ends them with how many there were and their checksum. */
async function * checked (view: View, records: AsyncGenerator<Buffer>, begin: () => void): AsyncGenerator<Buffer> {
  begin()
  let checksum = 0
  let count = 0
  let pieces: Buffer[] = []
  let bytes = 0
  try {
    for await (const record of records) {
      checksum = crc32c(record, checksum)
      count++
      pieces.push(record)
      bytes += record.length
      if (bytes < pieceBytes) continue
      yield Buffer.concat(pieces)
      pieces = []
      bytes = 0
    }
    pieces.push(line('end', JSON.stringify({ lines: count, crc32c: checksumText(checksum) })))
    yield Buffer.concat(pieces)
  } finally {
    await view.release()
  }
}

const pieceBytes = 64 * 1024

function line (kind: string, json: string): Buffer {
  return Buffer.from(`{"${kind}":${json}}\n`)
}
