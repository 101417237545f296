import { decodeCommand, encodeCommand } from './command.ts'
import type { Proposal, WriteCommand } from './types.ts'

/** A proposal as bytes: a command with no time in it yet, because the clock of the leader that takes it counts. */
export function encodeProposal (proposal: Proposal): Buffer {
  return encodeCommand(untimed(proposal))
}

/** What `encodeProposal` made, or a command as a proposal: its times are there and mean nothing. */
export function decodeProposal (bytes: Buffer): Proposal {
  return decodeCommand(bytes)
}

function untimed (proposal: Proposal): WriteCommand | Exclude<Proposal, { kind: 'write' }> & { timestamp: number } {
  if (proposal.kind !== 'write') return { ...proposal, timestamp: 0 }
  const { idempotency, ...write } = proposal
  const recognised = idempotency === undefined ? {} : { idempotency: { ...idempotency, expiresAt: 0 } }
  return { ...write, timestamp: 0, ...recognised }
}
