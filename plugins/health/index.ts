import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { pressure } from './pressure.ts'
import { Readiness } from './readiness.ts'
import { healthRoutes } from './routes.ts'

declare module 'fastify' {
  interface FastifyInstance {
    readiness: Readiness
  }
}

export interface HealthOptions {
  version: string
  /** The revision of this node's database. */
  revision: () => number
  /** Above this lag of the process other routes answer OVERLOADED; 0 is off. Milliseconds. */
  eventLoopDelayMsMax: number
}

/** Says whether the process lives, whether it is ready, and how it is; and takes it out of service and back. */
async function health (app: FastifyInstance, options: HealthOptions) {
  const readiness = new Readiness()
  app.decorate('readiness', readiness)
  app.addHook('preClose', async () => readiness.drain('the node is stopping'))
  healthRoutes(app, readiness, options)
  if (options.eventLoopDelayMsMax > 0) await pressure(app, options.eventLoopDelayMsMax)
}

export default fp(health, { name: 'health', fastify: '5.x' })
