import { maxHeaderSize, STATUS_CODES, type Server } from 'node:http'
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

type Headers = Record<string, string>

/**
 * Answers what cannot become a request: malformed HTTP, a head that is too long, a request that does not end in time.
 * For Fastify's option `clientErrorHandler`, which calls it on the instance. `headersOf` gives the headers that every
 * answer of the instance has, the id of the request among them: what the client chose as one cannot be read here.
 */
export function clientErrorHandler (errors: ErrorTable, headersOf: (app: FastifyInstance) => Headers = () => ({})) {
  return function answerClientError (this: FastifyInstance | void, error: ConnectionError, socket: Socket): void {
    const answering = (socket as HttpSocket)._httpMessage?.headersSent === true
    // Bytes after the head of another answer would become part of that answer.
    if (error.code === 'ECONNRESET' || !socket.writable || answering) {
      socket.destroy(error)
      return
    }
    // Without TLS there is nothing to answer over.
    if (/^ERR_(SSL|TLS)_/.test(error.code)) {
      this?.log.debug({ err: error }, 'a TLS handshake failed')
      socket.destroy()
      return
    }
    const problem = toProblem(error, this?.server)
    const common = this === undefined ? {} : headersOf(this)
    const id = common['x-request-id']
    const { status, headers, body } = renderProblem(errors, problem, id)
    this?.log.debug({ reqId: id, code: problem.code, ...problem.params }, 'a request was refused')
    const lines = Object.entries({ ...headers, ...common }).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`)
  }
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
