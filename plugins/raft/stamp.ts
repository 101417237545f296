import type { Database } from '../../storage/database.ts'
import type { Command, Proposal, WriteCommand } from '../../storage/types.ts'

/** The command with the leader's clock in it, which never goes back. */
export function stamped (proposal: Proposal, database: Pick<Database, 'timestamp'>, idempotencySeconds: number): Command {
  const timestamp = Math.max(Date.now(), database.timestamp)
  if (proposal.kind !== 'write') return { ...proposal, timestamp }
  // Member by member: spreading the proposal takes several times as long.
  const { compare, then, else: otherwise, idempotency, receipt } = proposal
  const command: WriteCommand = { kind: 'write', timestamp, compare, then }
  if (receipt !== undefined) command.receipt = receipt
  if (otherwise !== undefined) command.else = otherwise
  if (idempotency !== undefined) {
    command.idempotency = { ...idempotency, expiresAt: timestamp + idempotencySeconds * 1000 }
  }
  return command
}

/** By the leader's clock it would do nothing but take a place in the log. */
export function isLate (command: Command): boolean {
  return command.kind === 'write' && command.receipt !== undefined && command.timestamp > command.receipt.deadline
}
