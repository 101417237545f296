import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../../storage/problem.ts'
import { parseEnvelope } from './envelope.ts'

export interface JsonOptions {
  /** How many levels of brackets a body may have, and a change's data too. */
  depthMax: number
}

/**
 * Reads JSON bodies in place of Fastify's own parser: strictly, and with the members called `data` kept as bytes.
 * A media type of another charset is answered UNSUPPORTED_MEDIA_TYPE, a body that is not JSON INVALID_JSON.
 */
async function json (app: FastifyInstance, options: JsonOptions) {
  function parse (request: FastifyRequest, body: Buffer, done: (error: Error | null, body?: unknown) => void) {
    refuseOtherCharsets(request.headers['content-type'] ?? '')
    refuseEncodings(request)
    // Some clients name the media type of every request; a deletion needs no body all the same.
    const isAbsent = body.length === 0 && request.method === 'DELETE'
    done(null, isAbsent ? undefined : parseEnvelope(body, options.depthMax))
  }

  // Fastify would take plain text for a body that is a string, and the schema's refusal would not say what is wrong.
  app.removeContentTypeParser('text/plain')
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, parse)
  app.addContentTypeParser(/^application\/[^;]+\+json(?:;|$)/, { parseAs: 'buffer' }, parse)
}

/** JSON between systems is UTF-8 (RFC 8259, section 8.1); saying so is allowed, saying otherwise is not. */
function refuseOtherCharsets (mediaType: string): void {
  const charset = /;\s*charset="?([^";\s]*)/i.exec(mediaType)?.[1]
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) throw new Problem('UNSUPPORTED_MEDIA_TYPE', { mediaType })
}

/** A compressed body would be refused as JSON that is malformed, which would not say why. */
function refuseEncodings ({ headers }: FastifyRequest): void {
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding.toLowerCase() === 'identity') return
  throw new Problem('UNSUPPORTED_MEDIA_TYPE', { mediaType: `${headers['content-type']} with Content-Encoding ${encoding}` })
}

export default fp(json, { name: 'json', fastify: '5.x' })
