import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Type, type Static } from 'typebox'
import { checkLimit } from '../pages.ts'
import { problems } from '../schemas.ts'
import { LockManager } from './manager.ts'
import { lockMetrics } from './metrics.ts'
import { locksReply, placesShown } from './view.ts'

const query = Type.Object({
  limit: Type.Integer({ minimum: 1, default: 100, description: 'The most places, and holders and waiters of each.' }),
}, { additionalProperties: false })

/** The locks of writes: taken on the leader before a write is proposed, given back when its outcome is known. */
async function locks (app: FastifyInstance): Promise<void> {
  const { config, database, raft } = app
  const metrics = lockMetrics(app.metrics.registry)
  const manager = new LockManager({
    catalog: () => database.catalog,
    waitSeconds: config.lockWaitSeconds,
    waitersMax: config.lockWaitersMax,
    onWaited: metrics.onWaited,
  })
  metrics.watch({ held: () => manager.held, waiting: () => manager.waiting })
  app.addHook('onClose', async () => { manager.close() })
  raft.addGate({
    admit: ({ proposal, origin, pass, refuse }) => {
      manager.acquire({ proposal, request: origin?.requestId ?? '', enter: pass, refuse })
    },
    abandon: () => manager.abandon(),
  })
  raft.questions.add('locks', (asked) => {
    const { limit } = asked as Static<typeof query>
    const places = manager.places()
    return {
      leader: raft.nodeId,
      held: manager.held,
      waiting: manager.waiting,
      places: placesShown(places, performance.now(), limit),
      more: places.length > limit,
    } satisfies Static<typeof locksReply>
  })

  app.get<{ Querystring: Static<typeof query> }>('/locks', {
    config: { role: 'admin' },
    schema: {
      summary: 'Who holds locks, and who waits for them',
      description: 'What the leader has under way, whichever node is asked.',
      tags: ['cluster'],
      querystring: query,
      response: { 200: locksReply, ...problems },
    },
  }, async (request) => {
    checkLimit(request.query.limit, config.pageChangesMax)
    return await raft.questions.ask('locks', request.query)
  })
}

export default fp(locks, { name: 'locks', fastify: '5.x', dependencies: ['storage', 'raft', 'metrics', 'auth'] })
