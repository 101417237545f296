import type { FastifyBaseLogger } from 'fastify'
import type { Database } from '../../storage/database.ts'
import { allVoters, type NodeId } from './core/index.ts'
import type { Log } from './log/index.ts'
import type { Member } from './member.ts'
import { waitFor } from './wait-for.ts'

export interface ReplayOptions {
  nodeId: NodeId
  member: Member
  database: Database
  log: Log
  logger: FastifyBaseLogger
  /** What the log's hard state said before the member began: what it says is committed needs nobody else. */
  commit: number
}

/** Replaying more than these may take a while. */
const manyEntries = 10_000

/** Long work tells how far it is so often. */
const progressMs = 5000

/**
 * Resolves when the database holds what the log says is committed. That tells who decides about the rest: if it is this
 * node alone, all of the log is committed, and it leads when this resolves.
 *
 * @throws what made the member fail
 */
export async function replay ({ nodeId, member, database, log, logger, commit }: ReplayOptions): Promise<void> {
  const missing = log.lastIndex - database.applied.index
  if (missing > manyEntries) {
    logger.info({ entries: missing }, 'the log holds %d entries that the database lacks: they are applied first', missing)
  }
  const progress = setInterval(() => {
    logger.info({ applied: database.applied.index, lastIndex: log.lastIndex }, 'entries of the log are being applied')
  }, progressMs)
  progress.unref()
  await waitFor(member, () => database.applied.index >= commit, Infinity)
  const voters = allVoters(member.configuration)
  if (voters.length === 1 && voters[0] === nodeId) {
    await waitFor(member, () => member.isLeader && database.applied.term === member.status.term, Infinity)
  }
  clearInterval(progress)
  if (member.failure !== null) throw member.failure
}
