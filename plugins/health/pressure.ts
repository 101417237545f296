import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from '../../storage/problem.ts'

/** What must answer also when the node lags: to be told dead or blind would make it worse. */
const exempt = new Set<string | undefined>(['/livez', '/readyz', '/health', '/metrics'])

/**
 * Refuses requests with OVERLOADED while the process lags.
 *
 * @param delayMsMax mean delay of the event loop over the last second, in milliseconds
 */
export async function pressure (app: FastifyInstance, delayMsMax: number): Promise<void> {
  const { default: underPressure } = await import('@fastify/under-pressure')
  await app.register(underPressure, {
    maxEventLoopDelay: delayMsMax,
    pressureHandler: (request: FastifyRequest, _reply, _type, value) => {
      if (exempt.has(request.routeOptions.url)) return
      throw new Problem('OVERLOADED', { delayMs: Math.round(Number(value)), limitMs: delayMsMax })
    },
  })
}
