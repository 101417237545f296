import type { Socket } from 'node:net'
import type { Server, TlsOptions } from 'node:tls'
import { connectPlainly, type Connect, type PeerClaim } from './transport/index.ts'

/** How peers prove to each other who they are. The listener and whoever dials are given the same. */
export interface PeerSecurity {
  /** With what the listener is made. */
  readonly listenerOptions: TlsOptions
  /** Keeps the listener's certificates up to date. */
  attach: (server: Server) => void
  connect: Connect
  /** Why the certificate of a node that has connected does not go with what it says of itself; null when it does. */
  mismatch: (socket: Socket, claim: PeerClaim) => string | null
  /** The same of this node's own certificate: why others that check as this one does will refuse it. */
  ownMismatch: (claim: PeerClaim) => string | null
}

/** How this node opens connections to others. */
export function connectOf (security: PeerSecurity | null): Connect {
  return security === null ? connectPlainly : (host, port, id) => security.connect(host, port, id)
}
