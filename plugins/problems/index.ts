import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../../storage/problem.ts'
import { renderProblem } from './render.ts'
import type { ErrorTable } from './table.ts'
import { toProblem } from './translate.ts'

export { clientErrorHandler } from './client-error.ts'
export type { ErrorEntry, ErrorTable } from './table.ts'

export interface ProblemsOptions {
  errors: ErrorTable
}

/** Answers everything that goes wrong with application/problem+json (RFC 9457). */
function problems (app: FastifyInstance, { errors }: ProblemsOptions, done: () => void) {
  app.setErrorHandler((error, request, reply) => sendProblem(errors, error, request, reply))

  app.setNotFoundHandler((request, reply) => {
    const { method, url } = request
    const path = url.split('?', 1)[0]!
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
    else if (raw.headers.host === undefined && raw.httpVersion === '1.1') next(withoutHost())
    else next()
  })
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
  // Fastify adds a charset to the media type of a text, and problem documents have none.
  return reply.code(status).headers(headers).send(Buffer.from(body))
}

/** Required by RFC 9112, section 3.2. Node's own check answers without a problem document, and is to be off. */
function withoutHost (): Problem {
  return new Problem('BAD_REQUEST', { reason: 'an HTTP/1.1 request needs the header Host' })
}

function allowedMethods (app: FastifyInstance, url: string): string[] {
  return app.supportedMethods.filter((method) => app.findRoute({ method: method as HTTPMethods, url }) !== null)
}

export default fp(problems, { name: 'problems', fastify: '5.x' })
