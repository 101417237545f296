import type { IncomingMessage, RequestListener } from 'node:http'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../../storage/problem.ts'
import { renderProblem } from './render.ts'
import type { ErrorTable } from './table.ts'
import { toProblem } from './translate.ts'

export { clientErrorHandler, connectHandler, type Manners } from './client-error.ts'
export type { ErrorEntry, ErrorTable } from './table.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** For a server's event `checkContinue`: lets the body come, unless it is too long, and handles the request. */
    continuing: (handle: RequestListener) => RequestListener
  }
}

export interface ProblemsOptions {
  errors: ErrorTable
}

/** Answers everything that goes wrong with application/problem+json (RFC 9457). */
function problems (app: FastifyInstance, { errors }: ProblemsOptions, done: () => void) {
  app.setErrorHandler((error, request, reply) => sendProblem(errors, error, request, reply))

  app.setNotFoundHandler((request, reply) => {
    const { method, url, originalUrl } = request
    // A listener may know fewer paths than there are: what was asked for is then another than what is looked up.
    const path = originalUrl.split('?', 1)[0]!
    const allow = allowedMethods(app, url)
    // A route may itself say that what it serves is not there.
    const problem = allow.length === 0 || allow.includes(method)
      ? new Problem('ROUTE_NOT_FOUND', { method, path })
      : new Problem('METHOD_NOT_ALLOWED', { method, path, allow: allow.join(', ') })
    return sendProblem(errors, problem, request, reply)
  })

  // A request can still come in on a connection that was open when the node began to stop. Fastify would answer it
  // without a problem document, so its `return503OnClosing` is to be off.
  let closing = false
  app.addHook('preClose', (ended) => {
    closing = true
    ended()
  })
  app.addHook('onRequest', ({ raw }, _reply, next) => {
    if (closing) next(new Problem('DRAINING', { reason: 'the node is stopping' }))
    else next(unlikeHttp(raw))
  })
  // Whoever asks before sending a body that is too long is told at once, and need not send it.
  const { bodyLimit = Infinity } = app.initialConfig
  app.decorate('continuing', (handle: RequestListener): RequestListener => (request, response) => {
    if (!(Number(request.headers['content-length']) > bodyLimit)) response.writeContinue()
    handle(request, response)
  })
  app.server.on('checkContinue', app.continuing((request, response) => app.routing(request, response)))
  // Node would answer an expectation that it does not know with an empty 417; it may as well be ignored (RFC 9110,
  // section 10.1.1).
  app.server.on('checkExpectation', (request, response) => app.routing(request, response))
  done()
}

/**
 * Answers what Fastify refuses before it has a route: a path that cannot be decoded, a segment that is too long. For
 * Fastify's option `frameworkErrors`; no hooks run for such a request, so `prepare` does what they would.
 */
export function frameworkErrors (
  errors: ErrorTable, prepare: (request: FastifyRequest, reply: FastifyReply) => void = () => {}
) {
  return function answerFrameworkError (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
    prepare(request, reply)
    sendProblem(errors, error, request, reply)
  }
}

function sendProblem (errors: ErrorTable, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = toProblem(error, request)
  const { status, headers, body } = renderProblem(errors, problem, request.id)
  if (problem.code === 'INTERNAL') request.log.error({ err: problem.cause ?? problem }, 'a request failed')
  else request.log[status >= 500 ? 'info' : 'debug']({ code: problem.code, ...problem.params }, 'a request was refused')
  // Fastify ends the connection where it has not taken the whole body, and HTTP/2 has no such header.
  if (request.raw.httpVersionMajor === 2) reply.removeHeader('connection')
  // Fastify adds a charset to the media type of a text, and problem documents have none.
  return reply.code(status).headers(headers).send(Buffer.from(body))
}

/** What RFC 9112 has refused and Node lets pass, or would refuse without a problem document. */
function unlikeHttp ({ headers, rawHeaders, httpVersion }: IncomingMessage): Problem | undefined {
  // Section 3.2. Node's own check is to be off.
  if (headers.host === undefined && httpVersion === '1.1') return badRequest('an HTTP/1.1 request needs the header Host')
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  if (hosts > 1) return badRequest('a request has the header Host once')
  // Section 6.1. What was taken out of the chunks would still be in the other coding.
  const coding = headers['transfer-encoding']
  if (coding === undefined || coding.toLowerCase() === 'chunked') return undefined
  return badRequest(`no Transfer-Encoding but chunked is known here, and it is ${coding}`)
}

function badRequest (reason: string): Problem {
  return new Problem('BAD_REQUEST', { reason })
}

function allowedMethods (app: FastifyInstance, url: string): string[] {
  return app.supportedMethods.filter((method) => app.findRoute({ method: method as HTTPMethods, url }) !== null)
}

export default fp(problems, { name: 'problems', fastify: '5.x' })
