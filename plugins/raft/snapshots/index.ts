import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import type { Database } from '../../../storage/database.ts'
import type { NodeId } from '../core/index.ts'
import type { Log } from '../log/index.ts'
import { openPeer, type PeerCaller } from '../peer-http.ts'
import { FetchedSnapshots, type SnapshotProgress } from './fetched.ts'
import { ImageFolder } from './files.ts'
import { MadeSnapshots } from './made.ts'

export type { SnapshotProgress } from './fetched.ts'

export interface SnapshotsOptions {
  dataDir: string
  database: Database
  log: Log
  logger: FastifyBaseLogger
  addressOf: (id: NodeId) => string | null
  caller: PeerCaller
  onProgress: (event: SnapshotProgress) => void
}

/** The snapshots of a node: those that it makes for others, and those that it fetches from them. */
export interface Snapshots {
  made: MadeSnapshots
  /** Where those that were made are. */
  folder: ImageFolder
  fetched: FetchedSnapshots
}

export async function openSnapshots (options: SnapshotsOptions): Promise<Snapshots> {
  const { dataDir, database, log, logger, addressOf, caller, onProgress } = options
  const folder = await ImageFolder.open(join(dataDir, 'snapshots', 'made'))
  await folder.keepOnly([])
  const made = new MadeSnapshots({
    database,
    folder,
    onMade: (event) => logger.info(event, 'a snapshot was made for a follower that is behind the log'),
    onFailure: (error) => logger.error({ err: error }, 'a snapshot could not be made'),
  })
  const fetched = new FetchedSnapshots({
    database,
    log,
    folder: await ImageFolder.open(join(dataDir, 'snapshots', 'fetched')),
    markerPath: join(dataDir, 'snapshots', 'installing'),
    request: async (from, path, offset, signal) => {
      const address = addressOf(from)
      if (address === null) throw new Error(`the address of ${from} is not known`)
      return openPeer(caller, address, `${path}?offset=${offset}`, signal)
    },
    onProgress: (event) => {
      onProgress(event)
      const { error, ...facts } = event
      logger[error === undefined ? 'info' : 'warn']({ ...facts, ...(error === undefined ? {} : { err: error }) },
        'snapshot: %s', event.state)
    },
  })
  return { made, folder, fetched }
}
