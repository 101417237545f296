import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { buildValidatorCompiler } from './compiler.ts'

/** Checks requests against the schemas of their routes, strictly. */
function validation (app: FastifyInstance, _options: object, done: () => void) {
  app.setValidatorCompiler(buildValidatorCompiler())
  done()
}

export default fp(validation, { name: 'validation', fastify: '5.x' })
