import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
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
  interface FastifyContextConfig {
    /** Its answers may last, so that clients end them. */
    longLived?: boolean
  }
}

export interface Metrics {
  /** Where plugins register metrics of their own; their names begin with `changewell_`. */
  registry: Registry
  /** Counts an answer that no hook hears of: to what never became a request, or failed before it had a route. */
  countStray: (method: string, status: number) => void
}

/** For a client that left before it was answered, as other servers call it. No answer has this status. */
const clientLeft = 499

/** Measures the requests to all routes that are registered from now on. */
async function metrics (app: FastifyInstance) {
  const registry = new Registry()
  const { meters, countStray } = measureRequests(app)
  app.decorate('metrics', { registry, countStray })
  app.decorateRequest('blocked', false)
  collectDefaultMetrics({ register: registry })
  registerMeters(registry, meters)
  new Gauge({
    name: 'changewell_http_connections',
    help: 'Open connections',
    registers: [registry],
    async collect () { this.set(await openConnections(app)) },
  }).set(0)
}

/** Serves everything that is measured, in the text format of Prometheus. */
export async function metricsRoute (app: FastifyInstance): Promise<void> {
  const { registry } = app.metrics
  app.get('/metrics', {
    config: { role: 'metrics' },
    logLevel: 'warn',
    schema: { tags: ['health'], summary: 'Metrics for Prometheus', produces: ['text/plain'], response: { 200: { type: 'string' } } },
  }, async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()))
}

/** A meter for each route that is registered from now on, and one for each method of requests that find none. */
function measureRequests (app: FastifyInstance): { meters: Iterable<RouteMeter>, countStray: Metrics['countStray'] } {
  const meters: RouteMeter[] = []
  const meterFor = (method: string, route: string) => {
    const meter = new RouteMeter(method, route)
    meters.push(meter)
    return meter
  }
  // A hook for each route holds its meter; one for all would have to look it up for each request.
  app.addHook('onRoute', (route) => {
    const meter = meterFor(String(route.method), route.url)
    if (route.config?.longLived === true) countThoseWhoLeave(route, meter)
    route.onResponse = [...[route.onResponse ?? []].flat(), (request, reply, done) => {
      measure(meter, request, reply)
      done()
    }]
  })
  const strays = new Map<string, RouteMeter>()
  const strayMeter = (method: string) => {
    if (!strays.has(method)) strays.set(method, meterFor(method, 'none'))
    return strays.get(method)!
  }
  app.addHook('onResponse', (request, reply, done) => {
    if (request.is404) measure(strayMeter(request.method), request, reply)
    done()
  })
  return { meters, countStray: (method, status) => strayMeter(method).count(status) }
}

/** No hook hears of a response that its client ended, which is how streams and waiting polls mostly end. */
function countThoseWhoLeave (route: RouteOptions, meter: RouteMeter): void {
  route.onRequest = [...[route.onRequest ?? []].flat(), (_request, { raw }, done) => {
    raw.once('close', () => {
      if (!raw.writableFinished) meter.count(raw.headersSent ? raw.statusCode : clientLeft)
    })
    done()
  }]
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
