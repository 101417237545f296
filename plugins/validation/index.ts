import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { buildValidatorCompiler } from './compiler.ts'

const noQuery = { type: 'object', properties: {}, additionalProperties: false }

/** Checks requests against the schemas of their routes, strictly. */
function validation (app: FastifyInstance, _options: object, done: () => void) {
  app.setValidatorCompiler(buildValidatorCompiler())
  // A route that describes no query takes none: a parameter that is ignored in silence hides a mistake.
  app.addHook('onRoute', ({ schema }) => {
    if (schema !== undefined && schema.hide !== true) schema.querystring ??= noQuery
  })
  done()
}

export default fp(validation, { name: 'validation', fastify: '5.x' })
