import type { FastifyInstance, FastifyRequest } from 'fastify'
import { TLSSocket } from 'node:tls'
import { Problem } from '../../storage/problem.ts'
import { altNamesOf, commonNameOf, subjectOf } from './certificates.ts'

/** What is known of a client by its certificate. */
export interface ClientCertificate {
  /** On one line: `CN=web, O=Example`. */
  subject: string
  commonName: string | null
  /** Each with its kind: `DNS:web.example`. */
  altNames: string[]
  /** SHA-256, as hex digits with colons. */
  fingerprint: string
}

/** What the handshake has shown. */
type Shown = { certificate: ClientCertificate | null, fault: string | null }

const nothing: Shown = { certificate: null, fault: null }

declare module 'fastify' {
  interface FastifyRequest {
    /** The certificate that the client has shown, signed by CHANGEWELL_CLIENT_CA; null without one. */
    readonly clientCertificate: ClientCertificate | null
  }
}

/** Makes the client's certificate known to routes and to the log, and refuses one that nobody trusts. */
export function clientCertificates (app: FastifyInstance): void {
  const known = new WeakMap<object, Shown>()

  function shownBy (request: FastifyRequest): Shown {
    const { socket, stream } = request.raw as { socket?: unknown, stream?: { session?: { socket: unknown } } }
    // Of HTTP/2 all requests of a session share a connection.
    const connection = stream?.session ?? socket
    if (typeof connection !== 'object' || connection === null) return nothing
    let shown = known.get(connection)
    if (shown === undefined) {
      shown = read(stream?.session?.socket ?? socket)
      known.set(connection, shown)
    }
    return shown
  }

  app.decorateRequest('clientCertificate', {
    getter (this: FastifyRequest) { return shownBy(this).certificate },
  })
  app.addHook('onRequest', (request, _reply, next) => {
    const { certificate, fault } = shownBy(request)
    if (certificate !== null) request.log = request.log.child({ client: certificate.subject })
    if (fault === null) next()
    else next(new Problem('CERTIFICATE_REFUSED', { reason: fault }))
  })
}

function read (socket: unknown): Shown {
  if (!(socket instanceof TLSSocket || isStandIn(socket))) return nothing
  const x509 = socket.getPeerX509Certificate()
  if (x509 === undefined) return nothing
  if (!socket.authorized) return { certificate: null, fault: String(socket.authorizationError) }
  return {
    certificate: {
      subject: subjectOf(x509),
      commonName: commonNameOf(x509),
      altNames: altNamesOf(x509),
      fingerprint: x509.fingerprint256,
    },
    fault: null,
  }
}

/** A session of HTTP/2 gives out a stand-in for its socket. */
function isStandIn (socket: unknown): socket is TLSSocket {
  return typeof (socket as Partial<TLSSocket> | null)?.getPeerX509Certificate === 'function'
}
