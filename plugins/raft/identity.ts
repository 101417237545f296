import type { NodeId } from './core/index.ts'
import { PeerCallError, postPeer, type PeerCaller } from './peer-http.ts'

/** Who answers at an address, before anybody trusts it with more. */
export interface Identity {
  id: NodeId
  /** Null while it belongs to no cluster. */
  clusterId: string | null
  /** Which process of the node it is: no two have the same. */
  instance: string
}

/** So long somebody who is there may take to say who it is: those behind a firewall say nothing. */
const patienceMs = 3000

/**
 * Asks who is at an address.
 *
 * @throws PeerCallError when nobody says so
 */
export async function identify (caller: PeerCaller, peerAddress: string, timeoutMs = patienceMs): Promise<Identity> {
  const answer = await postPeer(caller, peerAddress, '/identity', {}, timeoutMs)
  if (!isIdentity(answer)) throw new PeerCallError(`${peerAddress} answers as no node does`)
  return answer
}

function isIdentity (answer: unknown): answer is Identity {
  const { id, clusterId, instance } = (answer ?? {}) as Partial<Record<keyof Identity, unknown>>
  return typeof id === 'string' && typeof instance === 'string' && (clusterId === null || typeof clusterId === 'string')
}

export type Identify = (peerAddress: string) => Promise<Identity>
