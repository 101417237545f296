import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    connections: {
      /** Lets go of the server's connections, too, when the node stops. */
      watch: (server: Server) => void
    }
  }
}

/** How often connections are looked for that nobody uses any more. */
const intervalMs = 50

/** A connection that was made just now has so long to send its request: cutting it off would leave a doubt. */
const unusedGraceMs = 1000

/**
 * Lets go of connections while the node stops. Fastify closes those that are idle when it begins to stop, but three
 * kinds would hold the node up: one that was at work then and falls idle afterwards, one that never sent a request,
 * which for Node is not idle, and one whose request does not end, because its client sends or takes nothing more. The
 * last get the time that is set for it, so that what comes after them, the database's flush, is not left to a kill.
 */
async function shutdown (app: FastifyInstance): Promise<void> {
  const { config: { shutdownSeconds } } = app
  const servers = new Set<Server>()
  const unused = new Set<Socket>()
  const sessions = new Set<ServerHttp2Session>()
  /** Connections of HTTP/1.1 on a server of HTTP/2, which does not close them all, with the answers under way. */
  const answering = new Map<Socket, number>()
  let timer: NodeJS.Timeout | undefined

  function watch (server: Server): void {
    servers.add(server)
    // With TLS, requests come over the socket inside the connection's.
    server.on('setSecureContext' in server ? 'secureConnection' : 'connection', (socket: Socket) => {
      unused.add(socket)
      socket.once('close', () => unused.delete(socket))
    })
    server.on('request', ({ socket }: IncomingMessage) => unused.delete(socket))
    server.on('session', (session: ServerHttp2Session) => {
      for (const socket of unused) if (socket.remotePort === session.socket.remotePort) unused.delete(socket)
      sessions.add(session)
      session.once('close', () => sessions.delete(session))
    })
    if (!('closeAllConnections' in server)) countAnswers(server)
  }

  function countAnswers (server: Server): void {
    server.on('request', ({ socket, httpVersionMajor }: IncomingMessage, response: ServerResponse) => {
      if (httpVersionMajor !== 1) return
      if (!answering.has(socket)) socket.once('close', () => answering.delete(socket))
      answering.set(socket, (answering.get(socket) ?? 0) + 1)
      response.once('close', () => {
        if (answering.has(socket)) answering.set(socket, answering.get(socket)! - 1)
      })
    })
  }

  function letGo (): void {
    for (const server of servers) if ('closeIdleConnections' in server) server.closeIdleConnections()
    for (const [socket, count] of answering) if (count === 0) socket.destroy()
    // What a session has begun, it ends.
    for (const session of sessions) if (!session.closed) session.close()
  }

  function cutOff (): void {
    for (const server of servers) if ('closeAllConnections' in server) server.closeAllConnections()
    for (const socket of answering.keys()) socket.destroy()
    for (const session of sessions) session.destroy()
  }

  app.decorate('connections', { watch })
  watch(app.server)
  app.addHook('preClose', async () => {
    const began = performance.now()
    let isCutOff = false
    timer = setInterval(() => {
      letGo()
      const passedMs = performance.now() - began
      if (passedMs < unusedGraceMs) return
      for (const socket of unused) socket.destroy()
      if (passedMs < shutdownSeconds * 1000) return
      if (!isCutOff) app.log.warn('requests are cut off that did not end within %d seconds (CHANGEWELL_SHUTDOWN_SECONDS)', shutdownSeconds)
      isCutOff = true
      cutOff()
    }, intervalMs)
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    // HTTP/2 has no such header.
    if (timer !== undefined && request.raw.httpVersionMajor === 1) reply.header('connection', 'close')
    done()
  })
  // What is closed after the server, the database above all, takes its own time.
  app.server.once('close', () => clearInterval(timer))
  app.addHook('onClose', async () => clearInterval(timer))
}

export default fp(shutdown, { name: 'shutdown', fastify: '5.x' })
