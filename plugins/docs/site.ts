import type { FastifyInstance, RouteOptions } from 'fastify'
import { finishDocument, type Document } from './document.ts'
import type { ExplainedError } from './errors-page.ts'

/** A route to describe. */
export type DescribedRoute = Pick<RouteOptions, 'method' | 'url' | 'schema'>

const description = `A strongly consistent store for configuration-like data whose every change is an ordered, resumable feed.

Every answer carries the revision of the node's database in \`Changewell-Revision\`. Errors are problem documents
(RFC 9457); [the list of them](/documentation/errors) says what each one means and what to do.`

const tags = [
  { name: 'changes', description: 'Write changes; read, wait for or stream the feed of them' },
  { name: 'tenants', description: 'Whom data belongs to; names are paths' },
  { name: 'collections', description: 'Where a tenant keeps keys' },
  { name: 'keys', description: 'The current value of a key' },
  { name: 'transactions', description: 'Changes that depend on what is there' },
  { name: 'receipts', description: 'What became of a write whose answer did not tell' },
  { name: 'cluster', description: 'Nodes, leader and settings of the cluster' },
  { name: 'health', description: 'How the node is' },
]

/**
 * An application of its own that holds nothing but the documentation: the routes as they are described, the OpenAPI
 * document made from them, and Swagger UI at /documentation. It is asked by `inject` and never listens.
 */
export async function buildSite (
  routes: Iterable<DescribedRoute>, version: string, errors: readonly ExplainedError[]
): Promise<FastifyInstance> {
  const [{ default: Fastify }, { default: swagger }, { default: swaggerUi }] =
    await Promise.all([import('fastify'), import('@fastify/swagger'), import('@fastify/swagger-ui')])
  const site = Fastify()
  // The routes are read, not called.
  site.setValidatorCompiler(() => () => true)
  site.setSerializerCompiler(() => JSON.stringify)
  await site.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Changewell', description, version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      tags,
    },
    refResolver: { buildLocalReference: ({ $id }, _base, _fragment, count) => typeof $id === 'string' ? $id : `Schema${count}` },
    transformObject: (made) => 'openapiObject' in made ? finishDocument(made.openapiObject as Document, errors) : made.swaggerObject,
  })
  await site.register(swaggerUi, { routePrefix: '/documentation', uiConfig: { docExpansion: 'list' } })
  for (const route of routes) site.route({ ...route, handler: async () => null })
  await site.ready()
  return site
}
