import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionError, FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    listeners: {
      /** Serves plain HTTP at another address as well. Resolves to its URL. */
      openPlain: (host: string, port: number) => Promise<string>
      /** Serves what says how the node is, and nothing else, in plain HTTP. Resolves to its URL. */
      openHealth: (host: string, port: number) => Promise<string>
    }
  }
}

export interface ListenersOptions {
  /** Milliseconds between looks for requests that take too long. */
  connectionsCheckingInterval: number
  clientErrorHandler: (this: FastifyInstance, error: ConnectionError, socket: Socket) => void
  connectHandler: (request: IncomingMessage, socket: Duplex) => void
}

const healthPaths = new Set(['/livez', '/readyz', '/health'])

/** Listeners beside the app's own, with its limits. To be registered last, so that it closes first. */
async function listeners (app: FastifyInstance, options: ListenersOptions): Promise<void> {
  const servers: Server[] = []

  async function open (handle: RequestListener, host: string, port: number): Promise<string> {
    const { connectionsCheckingInterval, clientErrorHandler, connectHandler } = options
    const { requestTimeout, headersTimeout, keepAliveTimeout, maxConnections, maxHeadersCount } = app.server
    const server = createServer({ requireHostHeader: false, connectionsCheckingInterval }, handle)
    Object.assign(server, { requestTimeout, headersTimeout, keepAliveTimeout, maxConnections, maxHeadersCount })
    server.on('checkExpectation', handle)
    server.on('checkContinue', app.continuing(handle))
    server.on('connect', connectHandler)
    server.on('clientError', (error, socket) => clientErrorHandler.call(app, error as ConnectionError, socket as Socket))
    app.connections.watch(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, () => resolve(server.off('error', reject) && undefined))
    })
    servers.push(server)
    const { address, family, port: actual } = server.address() as AddressInfo
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`
  }

  const route = (request: IncomingMessage, response: ServerResponse): void => app.routing(request, response)

  app.decorate('listeners', {
    openPlain: (host, port) => open(route, host, port),
    openHealth: (host, port) => open((request, response) => {
      const { method = '', url = '' } = request
      const isAllowed = ['GET', 'HEAD'].includes(method) && healthPaths.has(url.split('?', 1)[0]!)
      // What is not to be had here is answered as what is not there, and named as it was asked for.
      if (!isAllowed) Object.assign(request, { url: '/not-at-the-health-port', originalUrl: url })
      route(request, response)
    }, host, port),
  })

  // New connections end here; open ones get the time that those of the app's own listener get.
  const closed: Promise<void>[] = []
  app.addHook('preClose', async () => {
    for (const server of servers) closed.push(new Promise((resolve) => { server.close(() => resolve()) }))
  })
  app.addHook('onClose', async () => { await Promise.all(closed) })
}

export default fp(listeners, { name: 'listeners', fastify: '5.x', dependencies: ['shutdown', 'problems'] })
