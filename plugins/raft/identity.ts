import type { NodeId } from './core/index.ts'
import { postPeer } from './peer-http.ts'
import type { Connect } from './transport/index.ts'

/** Who answers at an address, before anybody trusts it with more. */
export interface Identity {
  id: NodeId
  /** Null while it belongs to no cluster. */
  clusterId: string | null
}

/** So long somebody who is there may take to say who it is: those behind a firewall say nothing. */
const timeoutMs = 3000

/**
 * Asks who is at an address.
 *
 * @throws PeerCallError when nobody says so
 */
export async function identify (connect: Connect, peerAddress: string): Promise<Identity> {
  return await postPeer(connect, peerAddress, '/identity', {}, timeoutMs) as Identity
}

export type Identify = (peerAddress: string) => Promise<Identity>
