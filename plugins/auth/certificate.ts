import type { FastifyInstance } from 'fastify'
import type { ClientCertificate } from '../tls/client-certificate.ts'

/** The name that a client certificate gives: its common name, or its first alternative name; else null. */
export function nameOf ({ commonName, altNames }: ClientCertificate): string | null {
  return commonName ?? altNames[0] ?? null
}

/** Whether client certificates are asked for at all. */
export function certificatesAreAsked ({ config }: FastifyInstance): boolean {
  return config.clientCa !== ''
}
