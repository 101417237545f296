import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

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
  const { server, config: { shutdownSeconds } } = app
  const unused = new Set<Socket>()
  let timer: NodeJS.Timeout | undefined

  // With TLS, requests come over the socket inside the connection's.
  server.on('setSecureContext' in server ? 'secureConnection' : 'connection', (socket: Socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  server.on('request', ({ socket }: IncomingMessage) => unused.delete(socket))

  app.addHook('preClose', async () => {
    const began = performance.now()
    let isCutOff = false
    timer = setInterval(() => {
      server.closeIdleConnections()
      const passedMs = performance.now() - began
      if (passedMs < unusedGraceMs) return
      for (const socket of unused) socket.destroy()
      if (passedMs < shutdownSeconds * 1000) return
      if (!isCutOff) app.log.warn('requests are cut off that did not end within %d seconds (CHANGEWELL_SHUTDOWN_SECONDS)', shutdownSeconds)
      isCutOff = true
      server.closeAllConnections()
    }, intervalMs)
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (timer !== undefined) reply.header('connection', 'close')
    done()
  })
  // What is closed after the server, the database above all, takes its own time.
  server.once('close', () => clearInterval(timer))
  app.addHook('onClose', async () => clearInterval(timer))
}

export default fp(shutdown, { name: 'shutdown', fastify: '5.x' })
