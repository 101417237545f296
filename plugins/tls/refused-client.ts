import type { Socket } from 'node:net'
import type { Server, TLSSocket } from 'node:tls'
import type { FastifyBaseLogger } from 'fastify'

/** Tells the log of clients with which TLS was not agreed on: at `debug`, as whoever likes can make many such lines. */
export function tellOfRefusedClients (server: Server, log: FastifyBaseLogger): void {
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    // Node ends the connection itself after it has looked at a certificate, and says here only that it has ended.
    const { authorizationError } = socket
    const reason = authorizationError ? `its certificate is refused (${String(authorizationError)})` : error.code ?? error.message
    log.debug({ address: addressOf(socket), reason }, `a TLS handshake with a client failed: ${reason}`)
  })
}

/** A TLS socket that is closed no longer knows, and the connection below it does. */
function addressOf (socket: TLSSocket): string | undefined {
  const { remoteAddress, _parent: below } = socket as TLSSocket & { _parent?: Partial<Socket> | null }
  return remoteAddress ?? below?.remoteAddress
}
