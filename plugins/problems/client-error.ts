import { maxHeaderSize, STATUS_CODES, type IncomingMessage, type Server } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { ConnectionError, FastifyInstance } from 'fastify'
import { Problem } from '../../storage/problem.ts'
import { renderProblem } from './render.ts'
import type { ErrorTable } from './table.ts'

/** The response that Node is writing to a socket. Node's own handler of such errors asks the same. */
interface HttpSocket extends Socket {
  _httpMessage?: { headersSent: boolean } | null
}

/** With the limit that was given to it alone; without one the process's holds. */
type HttpServer = Server & { maxHeaderSize?: number }

/** What all answers of an instance have in common, for those that it does not give itself. */
export interface Manners {
  /** The headers of every answer, the request's id among them: what a client chose as one cannot be read here. */
  headersOf: (app: FastifyInstance) => Record<string, string>
  /** Hears of each answer; the method is `none` where there was no request. */
  answered: (app: FastifyInstance, method: string, status: number) => void
}

const noManners: Manners = { headersOf: () => ({}), answered: () => {} }

/**
 * Answers what cannot become a request: malformed HTTP, a head that is too long, a request that does not end in time.
 * For Fastify's option `clientErrorHandler`, which calls it on the instance.
 */
export function clientErrorHandler (errors: ErrorTable, manners = noManners) {
  return function answerClientError (this: FastifyInstance | void, error: ConnectionError, socket: Socket): void {
    const answering = (socket as HttpSocket)._httpMessage?.headersSent === true
    // Bytes after the head of another answer would become part of that answer.
    if (error.code === 'ECONNRESET' || !socket.writable || answering) {
      socket.destroy(error)
      return
    }
    // Without TLS there is nothing to answer over.
    if (/^ERR_(SSL|TLS)_/.test(error.code)) {
      socket.destroy()
      return
    }
    answer(errors, manners, this, 'none', toProblem(error, this?.server), socket)
  }
}

/**
 * Refuses CONNECT, which Node would answer by closing the connection. For the event `connect` of a server; with HTTP/2
 * that comes with a response in the place of the socket.
 */
export function connectHandler (errors: ErrorTable, app: FastifyInstance, manners = noManners) {
  return function answerConnect (_request: IncomingMessage, socket: Duplex | Http2ServerResponse): void {
    const problem = new Problem('BAD_REQUEST', { reason: 'this is no proxy, and takes no CONNECT' })
    if (!('writeHead' in socket)) {
      socket.on('error', () => socket.destroy())
      answer(errors, manners, app, 'CONNECT', problem, socket)
      return
    }
    const common = manners.headersOf(app)
    const { status, headers, body } = renderProblem(errors, problem, common['x-request-id'])
    socket.writeHead(status, { ...headers, ...common }).end(body)
    manners.answered(app, 'CONNECT', status)
  }
}

function answer (
  errors: ErrorTable, manners: Manners, app: FastifyInstance | void, method: string, problem: Problem, socket: Duplex
): void {
  const common = app === undefined ? {} : manners.headersOf(app)
  const id = common['x-request-id']
  const { status, headers, body } = renderProblem(errors, problem, id)
  app?.log.debug({ reqId: id, code: problem.code, ...problem.params }, 'a request was refused')
  const lines = Object.entries({ ...headers, ...common }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`)
  if (app !== undefined) manners.answered(app, method, status)
}

function toProblem (error: ConnectionError, server?: HttpServer): Problem {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('HEADERS_TOO_LARGE', { limitBytes: server?.maxHeaderSize ?? maxHeaderSize })
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('REQUEST_TIMEOUT', { timeoutSeconds: (server?.requestTimeout ?? 0) / 1000 })
    default:
      return new Problem('BAD_REQUEST', { reason: 'it is not well-formed HTTP/1.1' })
  }
}
