import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { registerMeters, RouteMeter } from './request-meter.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
  interface FastifyRequest {
    /** Set where an answer waits for a change to happen: its time says nothing about the node, and is not measured. */
    blocked: boolean
  }
}

export interface Metrics {
  /** Where plugins register metrics of their own; their names begin with `changewell_`. */
  registry: Registry
}

/** Measures requests and serves everything that is measured, in the text format of Prometheus. */
async function metrics (app: FastifyInstance) {
  const registry = new Registry()
  app.decorate('metrics', { registry })
  app.decorateRequest('blocked', false)
  collectDefaultMetrics({ register: registry })
  registerMeters(registry, measureRequests(app))
  new Gauge({
    name: 'changewell_http_connections',
    help: 'Open connections',
    registers: [registry],
    async collect () { this.set(await openConnections(app)) },
  }).set(0)

  app.get('/metrics', {
    config: { role: 'metrics' },
    logLevel: 'warn',
    schema: { tags: ['health'], summary: 'Metrics for Prometheus', produces: ['text/plain'], response: { 200: { type: 'string' } } },
  }, async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()))
}

/** A meter for each route that is registered from now on, and one for each method of requests that find none. */
function measureRequests (app: FastifyInstance): Iterable<RouteMeter> {
  const meters: RouteMeter[] = []
  const meterFor = (method: string, route: string) => {
    const meter = new RouteMeter(method, route)
    meters.push(meter)
    return meter
  }
  // A hook for each route holds its meter; one for all would have to look it up for each request.
  app.addHook('onRoute', (route) => {
    const meter = meterFor(String(route.method), route.url)
    route.onResponse = [...[route.onResponse ?? []].flat(), (request, reply, done) => {
      measure(meter, request, reply)
      done()
    }]
  })
  const strays = new Map<string, RouteMeter>()
  app.addHook('onResponse', (request, reply, done) => {
    if (request.is404) {
      const { method } = request
      if (!strays.has(method)) strays.set(method, meterFor(method, 'none'))
      measure(strays.get(method)!, request, reply)
    }
    done()
  })
  return meters
}

function measure (meter: RouteMeter, request: FastifyRequest, reply: FastifyReply): void {
  meter.count(reply.statusCode)
  if (!request.blocked) meter.time(reply.elapsedTime / 1000)
}

function openConnections (app: FastifyInstance): Promise<number> {
  return new Promise((resolve, reject) => {
    app.server.getConnections((error, count) => error === null ? resolve(count) : reject(error))
  })
}

export default fp(metrics, { name: 'metrics', fastify: '5.x' })
