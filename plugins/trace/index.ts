import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

/** What may stand in a request id that a client chose: it is written to logs and headers. */
const requestIdPattern = /^[A-Za-z0-9._~:/+=@-]{1,128}$/

/** W3C Trace Context, section 3.2: version, trace id, parent id, flags. */
const traceparentPattern = /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller's trace context, or null; passed on with whatever is done for the request. */
    traceparent: string | null
  }
}

/**
 * Ties a request to its caller: takes the id that the client sent when it is well formed, gives every answer the id
 * back, and keeps the trace context.
 */
function trace (app: FastifyInstance, _options: object, done: () => void): void {
  app.decorateRequest('traceparent', null)
  app.addHook('onRequest', (request, reply, next) => {
    identify(request, reply)
    const traceparent = request.headers.traceparent
    if (typeof traceparent === 'string' && traceparentPattern.test(traceparent)) request.traceparent = traceparent
    next()
  })
  done()
}

/** Gives the request the id that the client chose for it, when it is well formed, and the answer the request's id. */
export function identify (request: FastifyRequest, reply: FastifyReply): void {
  const given = request.headers['x-request-id']
  if (typeof given === 'string' && requestIdPattern.test(given)) {
    request.id = given
    request.log = request.log.child({ clientRequestId: given })
  }
  reply.header('x-request-id', request.id)
}

export default fp(trace, { name: 'trace', fastify: '5.x' })
