import type { FastifyInstance } from 'fastify'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'
import { renderErrorsPage, type ExplainedError } from './errors-page.ts'

export type { ExplainedError } from './errors-page.ts'

export interface DocsOptions {
  version: string
  /** Every error that the API answers with. */
  errors: readonly ExplainedError[]
}

const description = `A strongly consistent store for configuration-like data whose every change is an ordered, resumable feed.

Every answer carries the revision of the node's database in \`Changewell-Revision\`. Errors are problem documents
(RFC 9457); [the list of them](/documentation/errors) says what each one means and what to do.`

const tags = [
  { name: 'changes', description: 'Write changes; read, wait for or stream the feed of them' },
  { name: 'tenants', description: 'Whom data belongs to; names are paths' },
  { name: 'collections', description: 'Where a tenant keeps keys' },
  { name: 'keys', description: 'The current value of a key' },
  { name: 'transactions', description: 'Changes that depend on what is there' },
  { name: 'cluster', description: 'Nodes, leader and settings of the cluster' },
  { name: 'health', description: 'How the node is' },
]

/**
 * Serves the OpenAPI document, made from the schemas of the routes, and pages for people. It must be registered before
 * the routes that it is to describe.
 */
async function docs (app: FastifyInstance, { version, errors }: DocsOptions) {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Changewell', description, version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      tags,
    },
  })
  await app.register(swaggerUi, { routePrefix: '/documentation', uiConfig: { docExpansion: 'list' } })

  const hidden = { logLevel: 'warn' as const, schema: { hide: true } }
  app.get('/openapi.json', hidden, async () => app.swagger())

  const page = renderErrorsPage(errors)
  app.get('/documentation/errors', hidden, async (_request, reply) => reply.type('text/html; charset=utf-8').send(page))
}

export default fp(docs, { name: 'docs', fastify: '5.x' })
