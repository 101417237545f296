import type { FastifyInstance, FastifyRequest } from 'fastify'

/** The name that the request's client certificate gives: its common name, or its first alternative name; else null. */
export function certificateName ({ clientCertificate }: FastifyRequest): string | null {
  return clientCertificate === null ? null : clientCertificate.commonName ?? clientCertificate.altNames[0] ?? null
}

/** Whether client certificates are asked for at all. */
export function certificatesAreAsked ({ config }: FastifyInstance): boolean {
  return config.clientCa !== ''
}
