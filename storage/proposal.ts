import { decodeCommand, encodeCommand } from './command.ts'
import type { Command, Proposal, Receipt, WriteCommand, WriteProposal } from './types.ts'

/** A proposal as bytes: a command with no time in it yet, because the clock of the leader that takes it counts. */
export function encodeProposal (proposal: Proposal): Buffer {
  return encodeCommand(timed(proposal, 0, 0))
}

/** What `encodeProposal` made, or a command as a proposal: its times are there and mean nothing. */
export function decodeProposal (bytes: Buffer): Proposal {
  return decodeCommand(bytes)
}

/** The command of a proposal at a time, and until when its idempotency key is known. Milliseconds since 1970. */
export function timed (proposal: Proposal, timestamp: number, expiresAt: number): Command {
  if (proposal.kind !== 'write') return { ...proposal, timestamp }
  // Member by member: spreading the proposal takes several times as long, and so does all that reads what comes of it.
  const { compare, then, else: otherwise, called, idempotency, receipt } = proposal
  const command: WriteCommand = { kind: 'write', timestamp, compare, then }
  if (receipt !== undefined) command.receipt = receipt
  if (otherwise !== undefined) command.else = otherwise
  if (called !== undefined) command.called = called
  if (idempotency !== undefined) {
    const { key, fingerprint } = idempotency
    command.idempotency = { key, fingerprint, expiresAt }
  }
  return command
}

/** The same write under a receipt. */
export function receipted (proposal: WriteProposal, receipt: Receipt): WriteProposal {
  const { compare, then, else: otherwise, called, idempotency } = proposal
  const { id, deadline, keptUntil, isRepeated } = receipt
  const write: WriteProposal = { kind: 'write', compare, then, receipt: { id, deadline, keptUntil, isRepeated } }
  if (otherwise !== undefined) write.else = otherwise
  if (called !== undefined) write.called = called
  if (idempotency !== undefined) write.idempotency = idempotency
  return write
}
