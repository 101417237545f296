import type { X509Certificate } from 'node:crypto'
import { duplexPair, type Duplex } from 'node:stream'
import { connect, createServer, type ConnectionOptions, type SecureContextOptions, type TlsOptions, type TLSSocket } from 'node:tls'
import { alertOf } from './alert.ts'
import type { Bundle, BundleFiles } from './bundle.ts'
import { pemOf, endsOf } from './certificates.ts'

/** It takes some milliseconds, of a machine that does nothing else. */
const handshakeMsMax = 10_000

/**
 * Why nobody could use a bundle that has no other fault, as sentences about its files. Only OpenSSL knows all that it
 * asks of a key and of each certificate in a chain, so it is asked: the bundle shakes hands with itself, in memory, and
 * names do not count. A node is at both ends. Of clients it is not known whom they trust, so this one trusts what the
 * chain ends with.
 */
export async function rehearsalFaults (
  { cert, trustsItself }: BundleFiles, { chain }: Bundle, context: SecureContextOptions
): Promise<string[]> {
  const reason = await (trustsItself
    ? refusalOf({ ...context, requestCert: true, rejectUnauthorized: true }, context)
    : refusalOf(context, { ca: pemOf(endsOf(neededOf(chain))), allowPartialTrustChain: true }))
  if (reason === null) return []
  return [`${cert.setting}: ${trustsItself ? 'other nodes' : 'clients'} would refuse the certificate in ${cert.path} (${reason}): ` +
    'its key, its usages or what is above it cannot be used; make another, as changewell certs does, or renew the intermediates.']
}

/** Who trusts what an expired certificate higher up stands for has it in another one. */
function neededOf (chain: readonly X509Certificate[]): X509Certificate[] {
  const now = Date.now()
  return chain.filter((one, at) => at === 0 || chain[0]!.issuer === one.subject || Date.parse(one.validTo) > now)
}

/** What the first of both ends that does not agree says, in OpenSSL's words; null when both agree. */
async function refusalOf (serverOptions: TlsOptions, clientOptions: ConnectionOptions): Promise<string | null> {
  const [near, far] = duplexPair()
  const streams: Duplex[] = [near, far]
  let timer: NodeJS.Timeout | undefined
  try {
    return await new Promise((resolve) => {
      timer = setTimeout(() => resolve('a handshake with it does not end'), handshakeMsMax)
      let agreed = 0
      const agree = (socket: TLSSocket): void => {
        // With TLS 1.2 the other end may still disagree, and leave.
        streams.push(socket.on('error', () => {}))
        if (++agreed === 2) resolve(null)
      }
      const server = createServer(serverOptions, agree)
      server.once('tlsClientError', (error, { authorizationError }: TLSSocket) => {
        // Of a certificate that it refuses Node says here only that the connection has ended.
        resolve(authorizationError ? `as a client's: ${String(authorizationError)}` : wordsOf(error))
      })
      // The server is first, so that its reason is heard before the alert that it sends.
      server.emit('connection', far)
      const client = connect({ ...clientOptions, socket: near, checkServerIdentity: () => undefined })
      client.once('secureConnect', () => agree(client)).once('error', (error) => resolve(wordsOf(error)))
    })
  } finally {
    clearTimeout(timer)
    for (const stream of streams) stream.destroy()
  }
}

function wordsOf ({ message }: Error): string {
  return alertOf(message) ?? message
}
