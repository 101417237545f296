import type { Database } from '../../storage/database.ts'
import { timed } from '../../storage/proposal.ts'
import type { Command, Proposal } from '../../storage/types.ts'

/** The time that a leader puts into commands. Milliseconds since 1970. */
export function clockOf ({ timestamp }: Pick<Database, 'timestamp'>): number {
  return Math.max(Date.now(), timestamp)
}

/** The command with the leader's clock in it, which never goes back. */
export function stamped (proposal: Proposal, database: Pick<Database, 'timestamp'>, idempotencySeconds: number): Command {
  const timestamp = clockOf(database)
  return timed(proposal, timestamp, timestamp + idempotencySeconds * 1000)
}

/** By the leader's clock it would do nothing but take a place in the log. */
export function isLate (command: Command): boolean {
  return command.kind === 'write' && command.receipt !== undefined && command.timestamp > command.receipt.deadline
}
