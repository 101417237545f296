import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

/** What OpenSSL says of the likeliest faults, in words for an operator. */
const reasons: Record<string, string> = {
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'it shows no certificate',
  ERR_SSL_HTTP_REQUEST: 'it speaks plain HTTP, and TLS is spoken here',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it speaks an older TLS than 1.3',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'it did not finish the TLS handshake in time',
}

/** Why a connection that failed before its first request is worth a word; null when it may just have ended. */
export function strangeness (error: NodeJS.ErrnoException, socket: Duplex): string | null {
  const { authorizationError } = socket as Partial<TLSSocket>
  if (authorizationError != null) return `its certificate is refused (${String(authorizationError)})`
  const { code = '' } = error
  if (Object.hasOwn(reasons, code)) return reasons[code]!
  if (code.startsWith('HPE_')) return `it does not speak HTTP: ${error.message}`
  return code.startsWith('ERR_SSL_') ? `its TLS handshake failed (${code})` : null
}

/** Where a stranger is. A TLS socket that is closed no longer knows, and the connection below it does. */
export function addressOfStranger (socket: Duplex): string | undefined {
  const { remoteAddress, _parent: below } = socket as Partial<Socket> & { _parent?: Partial<Socket> | null }
  return remoteAddress ?? below?.remoteAddress
}
