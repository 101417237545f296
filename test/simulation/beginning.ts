import type { Configuration, NodeId } from '../../plugins/raft/core/index.ts'
import type { Change } from '../../storage/change.ts'
import type { Command } from '../../storage/types.ts'
import { Database } from '../../storage/database.ts'
import { MemoryRows, MemoryStore } from '../support/memory-store.ts'
import type { Contents } from './machine.ts'

export const tenant = 'shop'
export const collection = 'stock'

/** When the simulation begins, in milliseconds since 1970. */
export const beginningMillis = Date.UTC(2026, 0, 1)

const commands: Command[] = [
  { kind: 'bootstrap', timestamp: beginningMillis, clusterId: '00c0ffee00c0ffee' },
  { kind: 'write', timestamp: beginningMillis, compare: [], then: [{ type: 'tenant-create', tenant }] },
  { kind: 'write', timestamp: beginningMillis, compare: [], then: [{ type: 'collection-create', tenant, collection }] },
]

/** The state that the first members begin with: a tenant and a collection, and who the members are. */
export async function beginning (
  configuration: Configuration, onChange: (change: Change) => void
): Promise<Contents> {
  const rows = new MemoryRows()
  const database = await Database.open(new MemoryStore(rows))
  database.listen((changes) => { changes.forEach(onChange) })
  await database.apply(commands.map((command, at) => ({ index: at + 1, term: 1, command })))
  await database.flush()
  return { ...database.applied, configuration, rows }
}

/** The state of a node that is new: nothing, and nobody. */
export async function nothing (configuration: Configuration): Promise<Contents> {
  const rows = new MemoryRows()
  await Database.open(new MemoryStore(rows))
  rows.flush()
  return { index: 0, term: 0, configuration, rows }
}

export function idOf (number: number): NodeId {
  return number.toString(16).padStart(16, '0')
}
