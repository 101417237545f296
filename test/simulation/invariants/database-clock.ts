import type { NodeId } from '../../../plugins/raft/core/index.ts'
import type { Check } from '../check.ts'
import { Violation } from '../violation.ts'

/** Nothing that is applied sets a database's clock back: receipts rest on that (docs/internals/receipts.md). */
export function databaseClock (): Check {
  const before = new Map<NodeId, number>()
  return {
    applying ({ id, machine: { database } }) {
      before.set(id, database.timestamp)
    },
    applied ({ id, name, machine: { database: { timestamp, applied } } }) {
      if (timestamp < before.get(id)!) {
        throw new Violation('database clock', `entry ${applied.index} sets the clock of ${name} back to ${timestamp}`)
      }
    },
  }
}
