import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../../storage/problem.ts'
import { buildValidatorCompiler } from './compiler.ts'

const noQuery = { type: 'object', properties: {}, additionalProperties: false }

/** Checks requests against the schemas of their routes, strictly. */
function validation (app: FastifyInstance, _options: object, done: () => void) {
  app.setValidatorCompiler(buildValidatorCompiler())
  // A route that describes no query takes none: a parameter that is ignored in silence hides a mistake.
  app.addHook('onRoute', ({ schema }) => {
    if (schema !== undefined && schema.hide !== true) schema.querystring ??= noQuery
  })
  app.addHook('onRequest', ({ raw }, _reply, next) => next(queryProblem(raw.url!)))
  done()
}

/** Fastify takes a query that is not well encoded as it stands: another value than the one that was meant. */
function queryProblem (url: string): Problem | undefined {
  const from = url.indexOf('?')
  if (from === -1 || !url.includes('%', from)) return undefined
  try {
    decodeURIComponent(url.slice(from + 1))
    return undefined
  } catch {
    return new Problem('BAD_REQUEST', { reason: 'the query is not well percent-encoded UTF-8' })
  }
}

export default fp(validation, { name: 'validation', fastify: '5.x' })
