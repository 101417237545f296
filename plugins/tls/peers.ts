import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { connect, createSecureContext, TLSSocket, type SecureContext, type Server, type TlsOptions } from 'node:tls'
import type { Socket } from 'node:net'
import { lookupInLine } from '../../discovery/names.ts'
import type { Credentials } from './credentials.ts'
import { dialFailure } from './dial-failure.ts'
import { mismatchOf, type PeerIdentity } from './identity.ts'

/** So many servers' sessions are remembered. */
const sessionsMax = 100

/** Mutual TLS between nodes, for the listener and for connections to others. Only the cluster's CA is trusted. */
export class PeerTls {
  readonly #credentials: Credentials
  readonly #identity: PeerIdentity
  readonly #sessions = new Map<string, Buffer>()
  #context: SecureContext

  constructor (credentials: Credentials, identity: PeerIdentity) {
    this.#credentials = credentials
    this.#identity = identity
    this.#context = createSecureContext(credentials.contextOptions)
    credentials.listen(() => {
      this.#context = createSecureContext(credentials.contextOptions)
      // What was shown under the old ones is to be shown again.
      this.#sessions.clear()
    })
  }

  get listenerOptions (): TlsOptions {
    return { ...this.#credentials.contextOptions, requestCert: true, rejectUnauthorized: true }
  }

  attach (server: Server): void {
    this.#credentials.attach(server)
  }

  /** Opens a connection to a node, or to any node where the id is null. To it can be written at once. */
  connect (host: string, port: number, id: string | null): Socket {
    // A session that is resumed shows no certificate again: it counts for whom it was checked for.
    const place = `${host} ${port} ${id ?? 'anybody'}`
    const session = this.#sessions.get(place)
    const socket = connect({
      host,
      port,
      lookup: lookupInLine,
      secureContext: this.#context,
      // Names alone are sent: an address is no server name (RFC 6066, section 3).
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(session === undefined ? {} : { session }),
      checkServerIdentity: (_host, { raw }) => {
        const mismatch = mismatchOf(this.#identity, new X509Certificate(raw), { id, host })
        return mismatch === null ? undefined : new PeerCertificateError(mismatch)
      },
    })
    // The first to hear of it, so that whoever tells of it tells that.
    socket.once('error', (error) => { error.message = dialFailure(error) ?? error.message })
    socket.on('session', (newest: Buffer) => this.#remember(place, newest))
    return socket
  }

  /** Why the certificate of a node that has connected does not go with what the node says; null when it does. */
  mismatch (socket: Socket, claim: { id: string, host: string | null }): string | null {
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
    if (certificate === undefined) return 'it shows no certificate'
    return mismatchOf(this.#identity, certificate, claim)
  }

  /** Why this node's own certificate does not go with what the node says of itself; null when it does. */
  ownMismatch (claim: { id: string, host: string | null }): string | null {
    const [own] = this.#credentials.certificates
    return mismatchOf(this.#identity, own!.certificate, claim)
  }

  #remember (place: string, session: Buffer): void {
    this.#sessions.delete(place)
    this.#sessions.set(place, session)
    if (this.#sessions.size > sessionsMax) this.#sessions.delete(this.#sessions.keys().next().value!)
  }
}

/** The node that was reached is not the one that was looked for. */
class PeerCertificateError extends Error {
  readonly code = 'ERR_PEER_CERTIFICATE'
}
