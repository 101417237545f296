import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { altNamesOf } from './certificates.ts'

/** What a peer's certificate is held against: nothing but its authority, where the peer is, or its node id. */
export type PeerIdentity = 'any' | 'host' | 'node-id'

export interface PeerClaim {
  /** Null for whoever may be any node. */
  id: string | null
  /** Where it is, without a port. */
  host: string | null
}

/** The name in a certificate that stands for a node. */
export function nodeName (id: string): string {
  return `urn:changewell:node:${id}`
}

/** Why a certificate does not go with what its peer says of itself; null when it does. */
export function mismatchOf (
  identity: PeerIdentity, certificate: X509Certificate, { id, host }: PeerClaim
): string | null {
  if (identity === 'any') return null
  if (identity === 'node-id') {
    if (id === null || altNamesOf(certificate).includes(`URI:${nodeName(id)}`)) return null
    return `its certificate is not that of node ${id}: the alternative name URI:${nodeName(id)} is missing`
  }
  if (host === null) return 'it does not say at which host it is, for which its certificate would have to be'
  const isGood = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)
  return isGood === undefined ? `its certificate is not for the host ${host}` : null
}
