import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Database } from '../../storage/database.ts'
import { Problem } from '../../storage/problem.ts'
import type { NodeId } from './core/index.ts'
import type { JoinRequest } from './join.ts'
import type { OwnAddresses } from './node-options.ts'

export interface AnnouncementOptions {
  nodeId: NodeId
  database: Database
  own: OwnAddresses
  /** Has the leader look whether this node is there, and write it down. */
  admit: (request: JoinRequest) => Promise<unknown>
  /** Whether they do not matter any more. */
  isOver: () => boolean
  log: FastifyBaseLogger
  signal: AbortSignal
}

const retryMinMs = 200
const retryMaxMs = 5000

/** Brings this node's addresses into the node list. Resolves when they are there, or do not matter any more. */
export async function announceAddresses (options: AnnouncementOptions): Promise<void> {
  const { nodeId, database, own: { peerAddress, apiAddress }, admit, isOver, log, signal } = options
  let told = ''
  for (let wait = retryMinMs; !signal.aborted && !isOver();) {
    const listed = database.nodes.get(nodeId)
    if (listed?.state === 'removed' || listed?.state === 'leaving') return
    if (listed !== undefined && listed.peerAddress === peerAddress && listed.apiAddress === apiAddress) return
    if (listed !== undefined) {
      try {
        await admit({ id: nodeId, role: null, peerAddress, apiAddress, isEmpty: false })
      } catch (error) {
        const isRefused = error instanceof Problem && error.code === 'ADDRESS_UNREACHABLE'
        const text = isRefused ? JSON.stringify(error.params) : ''
        if (isRefused && text !== told) {
          log.error({ ...error.params }, `the others do not reach this node at ${peerAddress}; set CHANGEWELL_ADVERTISE to where they do`)
        } else {
          log.debug({ err: error }, 'the node list does not have the address of this node yet')
        }
        told = text
        if (isRefused) wait = Math.min(wait * 2, retryMaxMs)
      }
    }
    await sleep(wait, undefined, { ref: false, signal }).catch(() => {})
  }
}
