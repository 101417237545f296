import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Database } from '../../storage/database.ts'
import type { Outcome, Proposal } from '../../storage/types.ts'
import type { NodeId } from './core/index.ts'
import type { OwnAddresses } from './node-options.ts'

export interface AnnouncementOptions {
  nodeId: NodeId
  database: Database
  /** Asked anew for each try. */
  own: () => OwnAddresses
  propose: (proposal: Proposal) => Promise<Outcome>
  log: FastifyBaseLogger
  signal: AbortSignal
}

const retryMs = 200

/** Brings this node's addresses into the node list. Resolves when they are there, or do not matter any more. */
export async function announceAddresses (options: AnnouncementOptions): Promise<void> {
  const { nodeId, database, own, propose, log, signal } = options
  while (!signal.aborted) {
    const listed = database.nodes.get(nodeId)
    const { peerAddress, apiAddress } = own()
    if (listed?.state === 'removed' || listed?.state === 'leaving') return
    if (listed !== undefined && listed.peerAddress === peerAddress && listed.apiAddress === apiAddress) return
    if (listed !== undefined) {
      try {
        await propose({ kind: 'node', id: nodeId, role: listed.role, peerAddress, apiAddress })
        continue
      } catch (error) {
        log.debug({ err: error }, 'the node list does not have the address of this node yet')
      }
    }
    await sleep(retryMs, undefined, { ref: false, signal }).catch(() => {})
  }
}
