import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { Problem } from '../../storage/problem.ts'
import type { HealthOptions } from './index.ts'
import type { Readiness } from './readiness.ts'

const Health = Type.Object({
  status: Type.Enum(['up', 'draining', 'unready']),
  reasons: Type.Array(Type.String(), { description: 'Why it is not up; empty when it is.' }),
  revision: Type.Integer({ minimum: 0, description: 'The revision of this node\'s database.' }),
  version: Type.String(),
  uptimeSeconds: Type.Integer({ minimum: 0 }),
  checks: Type.Record(Type.String(), Type.String(), { description: '`ok`, or why not, by name.' }),
})

const Drain = Type.Object(
  { up: Type.Boolean({ description: 'false takes the node out of service, true puts it back.' }) },
  { additionalProperties: false })

const tags = ['health']
const ok = Type.Object({ status: Type.Literal('ok') })

/** Routes that are asked every few seconds by machines: they appear in the log only when it shows everything. */
export function healthRoutes (app: FastifyInstance, readiness: Readiness, options: HealthOptions): void {
  const quiet = { logLevel: 'warn' as const }

  app.get('/livez', {
    ...quiet,
    config: { role: 'open' },
    schema: { tags, summary: 'Whether the process turns', response: { 200: ok } },
  }, async () => ({ status: 'ok' }))

  app.get('/readyz', {
    ...quiet,
    config: { role: 'open' },
    schema: { tags, summary: 'Whether the node should get requests', response: { 200: ok } },
  }, async () => {
    if (readiness.draining !== null) throw new Problem('DRAINING', { reason: readiness.draining })
    const reasons = readiness.reasons()
    if (reasons.length > 0) throw new Problem('NOT_READY', { reason: reasons.join('; ') })
    return { status: 'ok' }
  })

  app.get('/health', {
    ...quiet,
    config: { role: 'open' },
    schema: { tags, summary: 'How the node is', response: { 200: Health } },
  }, async () => summary())

  app.put<{ Body: Static<typeof Drain> }>('/health', {
    ...quiet,
    config: { role: 'admin' },
    schema: { tags, summary: 'Takes the node out of service, or puts it back', body: Drain, response: { 200: Health } },
  }, async (request) => {
    if (request.body.up) readiness.undrain()
    else readiness.drain('an operator took it out of service')
    app.log.info({ up: request.body.up }, 'an operator changed whether the node is in service')
    return summary()
  })

  function summary (): Static<typeof Health> {
    const checks = readiness.checks()
    const { draining } = readiness
    const reasons = draining === null ? readiness.reasons() : [draining, ...readiness.reasons()]
    return {
      status: draining !== null ? 'draining' : reasons.length > 0 ? 'unready' : 'up',
      reasons,
      revision: options.revision(),
      version: options.version,
      uptimeSeconds: Math.floor(process.uptime()),
      checks: Object.fromEntries(Object.entries(checks).map(([name, reason]) => [name, reason ?? 'ok'])),
    }
  }
}
