import type { FastifyError, FastifyRequest } from 'fastify'
import type { ErrorObject } from 'ajv'
import { Problem } from '../../storage/problem.ts'
import { explain, type RequestPart } from './reason.ts'

/**
 * The problem that an error of any kind is to a client. What Fastify and its parsers refuse becomes the code that says
 * the same; what nobody foresaw becomes INTERNAL, and keeps the error as its cause.
 */
export function toProblem (error: unknown, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error
  if (!(error instanceof Error)) return internal(new Error(`thrown: ${String(error)}`), request)
  const { code, statusCode, validation, validationContext } = error as FastifyError
  if (validation !== undefined) {
    return new Problem('INVALID_FIELD', explain(validation as ErrorObject[], validationContext as RequestPart))
  }
  const translate = translations[code]
  if (translate !== undefined) return translate(request)
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Problem('BAD_REQUEST', { reason: error.message }, { cause: error })
  }
  return internal(error, request)
}

const translations: Record<string, (request: FastifyRequest) => Problem> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ({ routeOptions }) =>
    new Problem('BODY_TOO_LARGE', { limitBytes: routeOptions.bodyLimit }),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: unsupportedMediaType,
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: unsupportedMediaType,
  FST_ERR_CTP_EMPTY_JSON_BODY: () => new Problem('INVALID_JSON', { reason: 'the body is empty' }),
  FST_ERR_CTP_INVALID_JSON_BODY: () => new Problem('INVALID_JSON', { reason: 'the body does not parse' }),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new Problem('BAD_REQUEST', { reason: 'the body is not as long as its Content-Length says' }),
  FST_ERR_BAD_URL: ({ url }) =>
    new Problem('BAD_REQUEST', { reason: `the path ${JSON.stringify(url)} is not well percent-encoded UTF-8` }),
  FST_ERR_MAX_PARAM_LENGTH: () =>
    new Problem('INVALID_FIELD', { field: 'path', reason: 'must not have so long a segment' }),
}

function unsupportedMediaType ({ headers }: FastifyRequest): Problem {
  return new Problem('UNSUPPORTED_MEDIA_TYPE', { mediaType: headers['content-type'] ?? 'none' })
}

function internal (error: Error, { id }: FastifyRequest): Problem {
  return new Problem('INTERNAL', { requestId: id }, { cause: error })
}
