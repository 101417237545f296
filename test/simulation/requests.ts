import { encodeCommand } from '../../storage/command.ts'
import { readEntry } from '../../storage/entries.ts'
import type { Operation as CommandOperation, Outcome, WriteCommand } from '../../storage/types.ts'
import type { NodeId } from '../../plugins/raft/core/index.ts'
import { beginningMillis, collection, tenant } from './beginning.ts'
import type { Operation, OperationKind, OperationResult } from './history.ts'
import type { SimNode } from './node.ts'

/** What a node says to a client. Again: nothing is known, and the same may be asked once more, of `leader` if known. */
export type Reply =
  { kind: 'result', result: OperationResult } |
  { kind: 'again', why: string, leader: NodeId | null }

interface Place {
  tenant: string
  collection: string
  key: string
}

/** Longer than any simulation: a retry always finds the outcome of the first attempt. */
const idempotencyMillis = 3_600_000

/** Does for a client what an HTTP route will do. `reply` is called once, or never. */
export function serve (
  node: SimNode, operation: Operation, nowMicros: number, padding: number, reply: (reply: Reply) => void
): void {
  const again = (why: string): void => { reply({ kind: 'again', why, leader: node.isUp ? node.soft.leader : null }) }
  if (operation.kind === 'read') {
    const asked = node.askToRead(async (ready) => {
      if (ready === null) again('read lost')
      else reply({ kind: 'result', result: await readNow(ready, operation.key) })
    })
    if (!asked) again('no leader')
    return
  }
  const clock = beginningMillis + Math.floor(nowMicros / 1000) + node.skewMillis
  const timestamp = Math.max(clock, node.machine.database.timestamp)
  node.askToWrite(encodeCommand(commandOf(operation, timestamp, padding)), (outcome) => {
    if (outcome.result === 'applied') reply({ kind: 'result', result: resultOf(outcome.outcome!) })
    else again(outcome.result === 'refused' ? outcome.reason : outcome.result)
  })
}

function commandOf ({ id, kind, key, expected }: Operation, timestamp: number, padding: number): WriteCommand {
  const place = { tenant, collection, key }
  const fingerprint = Buffer.alloc(16, id)
  return {
    kind: 'write',
    timestamp,
    idempotency: { key: id, fingerprint, expiresAt: timestamp + idempotencyMillis },
    compare: kind === 'compare' ? [{ ...place, revision: expected }] : [],
    then: [changeOf(kind, place, id, padding)],
  }
}

/** A record has no key, and so is only in the feed. */
function changeOf (kind: OperationKind, place: Place, id: string, padding: number): CommandOperation {
  if (kind === 'delete') return { type: 'delete', ...place, tags: [id] }
  const data = Buffer.from(JSON.stringify(id + '.'.repeat(padding)))
  return kind === 'record' ? { type: 'put', data, tags: [id] } : { type: 'put', ...place, data, tags: [id] }
}

function resultOf (outcome: Outcome): OperationResult {
  const { revision: database } = outcome
  if (!outcome.ok) return { what: 'refused', database }
  const { revision, created } = outcome.written[0]!
  return { what: 'done', revision, created, database }
}

async function readNow ({ machine: { database } }: SimNode, key: string): Promise<OperationResult> {
  const held = database.catalog.tenant(tenant)!
  const { id } = database.catalog.collection(held, collection)!
  const entry = await readEntry(database.cache, held.id, id, key)
  return { what: 'seen', revision: entry?.revision ?? 0, database: database.revision }
}
