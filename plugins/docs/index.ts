import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { renderErrorsPage, type ExplainedError } from './errors-page.ts'
import { buildSite, type DescribedRoute } from './site.ts'

export type { ExplainedError } from './errors-page.ts'

export interface DocsOptions {
  version: string
  /** Every error that the API answers with. */
  errors: readonly ExplainedError[]
}

/**
 * Serves the OpenAPI document, made from the schemas of the routes, and pages for people. It must be registered before
 * the routes that it is to describe. What makes and shows the document would take an eighth of a second from the start
 * of a node, so it is loaded when somebody first looks.
 */
function docs (app: FastifyInstance, { version, errors }: DocsOptions, done: () => void) {
  const routes: DescribedRoute[] = []
  app.addHook('onRoute', ({ method, url, schema, config }) => {
    if (method === 'HEAD' || schema?.hide === true) return
    // What is open asks nobody for credentials, whatever the rest does.
    const described = config?.role === 'open' ? { ...schema, security: [] } : schema
    routes.push({ method, url, ...(described === undefined ? {} : { schema: described }) })
  })

  let building: Promise<FastifyInstance> | null = null
  const site = () => {
    building ??= buildSite(routes, version, errors)
    return building
  }
  app.addHook('onClose', async () => (await building)?.close())

  const hidden = { config: { role: 'open' as const }, logLevel: 'warn' as const, schema: { hide: true } }
  const page = renderErrorsPage(errors)
  app.get('/openapi.json', hidden, async () => (await site()).swagger())
  app.get('/documentation/errors', hidden, async (_request, reply) => reply.type('text/html; charset=utf-8').send(page))
  for (const url of ['/documentation', '/documentation/*']) {
    app.get(url, hidden, async (request, reply) => pass(await site(), request, reply))
  }
  done()
}

async function pass (site: FastifyInstance, { method, url, headers }: FastifyRequest, reply: FastifyReply) {
  // The answer to a HEAD is that to a GET, of which Fastify sends the headers alone.
  const answer = await site.inject({ method: method === 'HEAD' ? 'GET' : method as 'GET', url, headers })
  if (answer.statusCode === 404) return reply.callNotFound()
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined && name !== 'connection' && name !== 'transfer-encoding') reply.header(name, value)
  }
  return reply.code(answer.statusCode).send(answer.rawPayload)
}

export default fp(docs, { name: 'docs', fastify: '5.x' })
