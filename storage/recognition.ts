import { executeWrite } from './execution.ts'
import { expiryKey, requestKey } from './keys.ts'
import { encodeFate } from './fate.ts'
import { Problem } from './problem.ts'
import { receiptName } from './receipt.ts'
import { decodeRequest, encodeRequest, type KnownRequest } from './request.ts'
import type { Staging } from './staging.ts'
import type { Outcome, Receipt, RejectCommand, WriteCommand } from './types.ts'

const noFingerprint = Buffer.alloc(16)

/**
 * A write with a receipt does nothing once the database's clock is past its deadline, and what it did before is kept.
 * So a receipt without an outcome in a database whose clock is past the deadline is of a write that never will be made:
 * the clock does not go back, and whatever comes later in the log meets it. That refusal itself must not be kept: the
 * same write may have been made before.
 */
export function executeReceipted (staging: Staging, command: WriteCommand): Outcome {
  const { receipt } = command
  if (receipt === undefined) return executeRecognised(staging, command)
  if (receipt.isRepeated) return executeOnce(staging, receipt, () => executeRecognised(staging, command))
  const late = lateness(staging, receipt)
  if (late !== null) return late
  const outcome = executeRecognised(staging, command)
  staging.record(receipt.keptUntil, encodeFate(receipt.id, outcome))
  return outcome
}

/** The rejection takes the place that the write's outcome would have, so the write is not made any more. */
export function executeRejection (staging: Staging, { receipt, code, params }: RejectCommand): Outcome {
  return executeOnce(staging, receipt, () => ({ ok: false, code, params, revision: staging.position.revision }))
}

/** What comes under a receipt first, and in time, decides; whatever comes later gets the same outcome. */
function executeOnce (staging: Staging, receipt: Receipt, execute: () => Outcome): Outcome {
  const name = receiptName(receipt.id)
  const row = staging.row('requests', requestKey(name))
  if (row !== null) return decodeRequest(row).outcome
  const late = lateness(staging, receipt)
  if (late !== null) return late
  const outcome = execute()
  remember(staging, name, { fingerprint: noFingerprint, expiresAt: receipt.keptUntil, outcome })
  return outcome
}

/** The refusal of what comes past its deadline; null for what is in time. */
function lateness ({ position: { timestamp, revision } }: Staging, { deadline }: Receipt): Outcome | null {
  if (timestamp <= deadline) return null
  return { ok: false, code: 'WRITE_EXPIRED', params: { deadline: new Date(deadline).toISOString() }, revision }
}

/** A write whose idempotency key is known gets the outcome of the first; a new one leaves its outcome under its key. */
function executeRecognised (staging: Staging, command: WriteCommand): Outcome {
  const { idempotency } = command
  if (idempotency === undefined) return orRefusal(staging, () => executeWrite(staging, command))
  const row = staging.row('requests', requestKey(idempotency.key))
  const known = row === null ? null : decodeRequest(row)
  if (known !== null && known.expiresAt > command.timestamp) {
    if (known.fingerprint.equals(idempotency.fingerprint)) return known.outcome
    return {
      ok: false, code: 'IDEMPOTENCY_KEY_REUSED', params: { key: idempotency.key }, revision: staging.position.revision,
    }
  }
  const outcome = orRefusal(staging, () => executeWrite(staging, command))
  if (known !== null) staging.delete('requests', expiryKey(known.expiresAt, idempotency.key))
  remember(staging, idempotency.key, { ...idempotency, outcome })
  return outcome
}

function remember (staging: Staging, name: string, request: KnownRequest): void {
  staging.put('requests', requestKey(name), encodeRequest(request))
  staging.put('requests', expiryKey(request.expiresAt, name), Buffer.alloc(0))
}

/** What a refusal leaves is nothing but its reason. */
export function orRefusal (staging: Staging, execute: () => Pick<Outcome & { ok: true }, 'branch' | 'written'>): Outcome {
  try {
    const { branch, written } = execute()
    return { ok: true, branch, written, revision: staging.position.revision }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    staging.rollback()
    const at = error.at === undefined ? {} : { at: error.at }
    return { ok: false, code: error.code, params: error.params, revision: staging.position.revision, ...at }
  }
}
