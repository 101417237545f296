import { createHash } from 'node:crypto'
import { encodeProposal } from '../../storage/proposal.ts'
import type { WriteProposal } from '../../storage/types.ts'

/** Tells one write from another by what it asks for, so that a retry by any way is the same write. 16 bytes. */
export function fingerprintOf (write: WriteProposal): Buffer {
  return createHash('sha256').update(encodeProposal(write)).digest().subarray(0, 16)
}
