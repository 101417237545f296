import type { Server } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { clientCertificates } from './client-certificate.ts'
import { boundRequests } from './http2-requests.ts'
import { tlsMetrics } from './metrics.ts'
import { tellOfRefusedClients } from './refused-client.ts'
import type { Tls } from './tls.ts'

export { Response } from './http2-response.ts'
export { Tls } from './tls.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tls: Tls
  }
}

export interface TlsPluginOptions {
  /** Opened before the app, whose listener is made with it; closed with the app. */
  tls: Tls
}

/** Keeps the listener's certificates up to date and makes those of clients known. Peers get theirs by `tls.peers`. */
async function tlsPlugin (app: FastifyInstance, { tls }: TlsPluginOptions): Promise<void> {
  app.decorate('tls', tls)
  if (tls.clients !== null) {
    const server = app.server as unknown as Server
    tls.clients.attach(server)
    tellOfRefusedClients(server, app.log)
  }
  if (app.config.http2) boundRequests(app, app.config.requestTimeoutSeconds)
  clientCertificates(app)
  app.addHook('onReady', async () => tlsMetrics(app.metrics.registry, tls.credentials))
  app.addHook('onClose', () => tls.close())
}

export default fp(tlsPlugin, { name: 'tls', fastify: '5.x', dependencies: ['problems'] })
