import type { FastifyInstance, FastifyRequest } from 'fastify'

/** What plugins/tls says of a client certificate that a client CA has signed; null without one. */
interface ClientCertificate {
  subject: string
  commonName: string | null
  altNames: string[]
  fingerprint: string
}

/** The name that the request's client certificate gives: its common name, or its first alternative name; else null. */
export function certificateName (request: FastifyRequest): string | null {
  const certificate = 'clientCertificate' in request ? request.clientCertificate as ClientCertificate | null : null
  if (certificate === null) return null
  return certificate.commonName ?? certificate.altNames[0] ?? null
}

/** Whether client certificates are asked for at all. */
export function certificatesAreAsked ({ config }: FastifyInstance): boolean {
  const { clientCa = '' } = config as { clientCa?: string }
  return clientCa !== ''
}
