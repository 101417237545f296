import { constants, type Http2ServerResponse, type ServerHttp2Stream } from 'node:http2'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { Problem } from '../../storage/problem.ts'

/** The client has not ended its request, whether or not it has its answer. */
const unfinished: unknown[] = [constants.NGHTTP2_STREAM_STATE_OPEN, constants.NGHTTP2_STREAM_STATE_HALF_CLOSED_LOCAL]

/** Ends requests of HTTP/2 that do not arrive in time. Those of HTTP/1.1 Node ends itself. */
export function boundRequests (app: FastifyInstance, timeoutSeconds: number): void {
  const replies = new WeakMap<ServerHttp2Stream, FastifyReply>()

  function end (stream: ServerHttp2Stream): void {
    if (!unfinished.includes(stream.state.state)) return
    const reply = replies.get(stream)
    if (reply === undefined || reply.raw.headersSent) {
      close(stream)
      return
    }
    stream.once('finish', () => close(stream))
    const problem = new Problem('REQUEST_TIMEOUT', { timeoutSeconds })
    const { raw } = reply.request
    // Whoever reads the body hears of it, and goes no further: what has come so far must not be taken for all of it.
    if (raw.listenerCount('error') > 0) raw.destroy(problem)
    else reply.send(problem)
  }

  app.server.on('stream', (stream: ServerHttp2Stream) => {
    if (stream.endAfterHeaders) return
    const timer = setTimeout(end, timeoutSeconds * 1000, stream)
    stream.once('close', () => clearTimeout(timer))
  })
  app.addHook('onRequest', (_request, reply, next) => {
    const { stream } = reply.raw as unknown as Partial<Http2ServerResponse<never>>
    if (stream !== undefined) replies.set(stream, reply)
    next()
  })
}

/** Who has the whole answer learns only that the rest of its request is not wanted (RFC 9113, section 8.1). */
function close (stream: ServerHttp2Stream): void {
  stream.close(stream.writableFinished ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL)
}
