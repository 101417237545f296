import type { Catalog } from './catalog.ts'
import type { Cluster } from './cluster.ts'
import { rowsOf } from './execution.ts'
import { requestKey } from './keys.ts'
import { receiptName } from './receipt.ts'
import { executeReceipted, executeRejection, orRefusal } from './recognition.ts'
import { Missing, type Staging } from './staging.ts'
import type { RowKey } from './store.ts'
import { expire, trim } from './tidying.ts'
import type { Command, Outcome } from './types.ts'

/** Runs a command, or tells what it misses. Running again is safe: an unfinished run leaves nothing. */
export function attempt (staging: Staging, cluster: Cluster, command: Command): Outcome | Missing {
  try {
    const outcome = executeOnce(staging, cluster, command)
    staging.commit()
    return outcome
  } catch (error) {
    staging.rollback()
    if (!(error instanceof Missing)) throw error
    return error
  }
}

function executeOnce (staging: Staging, cluster: Cluster, command: Command): Outcome {
  staging.position.timestamp = Math.max(staging.position.timestamp, command.timestamp)
  switch (command.kind) {
    case 'write': return executeReceipted(staging, command)
    case 'reject': return executeRejection(staging, command)
    case 'expire': expire(staging); break
    case 'trim': trim(staging, command.firstRevision); break
    default: return orRefusal(staging, () => {
      cluster.execute(staging, command)
      return { branch: 'then', written: [] }
    })
  }
  return { ok: true, branch: 'then', written: [], revision: staging.position.revision }
}

/** The rows that a command will ask for, as far as that is known before it runs. */
export function rowsAhead (catalog: Catalog, command: Command | null): RowKey[] {
  if (command?.kind === 'reject') return [{ family: 'requests', key: requestKey(receiptName(command.receipt.id)) }]
  if (command?.kind !== 'write') return []
  const rows = rowsOf(catalog, command)
  const { idempotency, receipt } = command
  if (idempotency !== undefined) rows.push({ family: 'requests', key: requestKey(idempotency.key) })
  if (receipt?.isRepeated === true) rows.push({ family: 'requests', key: requestKey(receiptName(receipt.id)) })
  return rows
}
