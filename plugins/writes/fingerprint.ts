import { createHash } from 'node:crypto'
import { encodeCommand } from '../../storage/command.ts'
import type { WriteCommand } from '../../storage/types.ts'

/** Tells one write from another by what it asks for, so that a retry by any way is the same write. 16 bytes. */
export function fingerprintOf (write: Omit<WriteCommand, 'timestamp' | 'idempotency'>): Buffer {
  return createHash('sha256').update(encodeCommand({ ...write, timestamp: 0 })).digest().subarray(0, 16)
}
