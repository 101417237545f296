import { encodeCommand } from '../../storage/command.ts'
import type { Database } from '../../storage/database.ts'
import { encodeChange, entryTypes, type NodeId } from './core/index.ts'
import { DataFolderError } from './data-folder-error.ts'
import type { Log } from './log/index.ts'

/** @throws DataFolderError when database and log do not meet: one was lost, and acknowledged writes may be. */
export function assertMeet (database: Database, log: Log): void {
  const { index, term } = database.applied
  if (index > log.lastIndex) {
    throw new DataFolderError('LOG_LOST', `The database has applied command ${index}, but the log ` +
      `ends at ${log.lastIndex}: its end was damaged, or the log folder was lost or is another node's. Put it back, or ` +
      'restore this node from a backup.')
  }
  if (log.firstIndex > index + 1) {
    throw new DataFolderError('DATABASE_LOST', `The log begins at command ${log.firstIndex}, but the database has ` +
      `applied only ${index}: the database folder was lost or is older than the log allows. Put it ` +
      'back, or restore this node from a backup.')
  }
  if (log.termOf(index) !== term) {
    throw new DataFolderError('LOG_LOST', `The database has applied command ${index} of term ` +
      `${term}, which in the log has another term: the log folder is another node's. Put back this ` +
      'node\'s own, or restore it from a backup.')
  }
}

/**
 * Makes this node a cluster of one: the first entries of the log say who votes, what the cluster is called and who this
 * node is. They are written by one durable append, and whoever joins gets them with the log.
 *
 * A node that ran alone before there were configurations has a log already, all of it committed: it goes on after that.
 */
export async function formCluster (log: Log, nodeId: NodeId, clusterId: string | null): Promise<void> {
  const term = log.hardState.term + 1
  const timestamp = Date.now()
  const commands = [
    ...(clusterId === null ? [] : [encodeCommand({ kind: 'bootstrap', timestamp, clusterId })]),
    encodeCommand({ kind: 'node', timestamp, id: nodeId, role: 'voter', peerAddress: '', apiAddress: '' }),
  ]
  const configuration = encodeChange({ transition: 'auto', changes: [{ type: 'voter', node: nodeId }] })
  const entries = [
    { type: entryTypes.configuration, data: configuration },
    ...commands.map((data) => ({ type: entryTypes.command, data })),
  ].map((entry, at) => ({ ...entry, index: log.lastIndex + 1 + at, term }))
  await log.append({ hardState: { term, vote: nodeId, commit: log.lastIndex + entries.length }, entries })
}
