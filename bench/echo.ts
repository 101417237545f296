import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import Fastify from 'fastify'

/**
 * The neighbour with nothing behind it: bare Fastify, which parses a body and answers it, keeps the newest value in
 * memory, and passes what is put on to whoever watches. What it does a node must do too; the rest is the node's own.
 *
 * It takes a port as its argument and prints a line when it listens.
 */
const port = Number(process.argv[2])
const app = Fastify()
const watchers = new Set<ServerResponse>()
let newest: unknown = null

app.put<{ Params: { key: string } }>('/keys/:key', async (request) => {
  newest = request.body
  if (watchers.size > 0) {
    const line = JSON.stringify({ key: request.params.key, ...request.body as object }) + '\n'
    for (const watcher of watchers) watcher.write(line)
  }
  return request.body
})

app.get<{ Params: { key: string } }>('/keys/:key', async (request) => ({ key: request.params.key, ...newest as object }))

app.get<{ Querystring: { limit: string } }>('/page', async (request) => (
  { changes: Array.from({ length: Number(request.query.limit) }, (_, at) => ({ revision: at, ...newest as object })) }))

app.get('/watch', (_request, reply) => {
  reply.hijack()
  reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson' })
  reply.raw.flushHeaders()
  watchers.add(reply.raw)
  reply.raw.once('close', () => watchers.delete(reply.raw))
})

await app.listen({ port, host: '127.0.0.1' })
process.stdout.write('listens\n')
process.once('SIGTERM', () => {
  for (const watcher of watchers) watcher.destroy()
  void app.close()
  void once(app.server, 'close').then(() => process.exit())
})
