import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../../storage/problem.ts'

/**
 * Reading what was written through another node: a request that carries the revision it got there, in
 * `Changewell-Min-Revision`, is answered once this node has reached it.
 */
function minRevision (app: FastifyInstance, _options: object, done: () => void): void {
  const { config, database, feed } = app
  const timeoutSeconds = config.leaderWaitSeconds

  app.addHook('preHandler', (request, reply, next) => {
    const header = request.headers['changewell-min-revision']
    // Without promises where there is nothing to wait for: that is nearly always. Where there is no route nobody has
    // been asked who they are, and a stranger must not take the place of one who waits.
    if (header === undefined || request.is404 || isAboutTheProcess(request)) return next()
    waitFor(wantedOf(header), reply).then(() => app.access.again(request)).then(() => next(), next)
  })

  async function waitFor (wanted: number, reply: FastifyReply): Promise<void> {
    const end = performance.now() + timeoutSeconds * 1000
    while (database.revision < wanted) {
      const left = end - performance.now()
      if (left <= 0) throw new Problem('REVISION_TIMEOUT', { wanted, revision: database.revision, timeoutSeconds })
      if (feed.closed) throw new Problem('DRAINING', { reason: 'this node is shutting down' })
      await feed.waiters.wait(() => true, database.revision, left / 1000, reply.raw)
      if (reply.raw.destroyed) return
    }
  }
  done()
}

/** What says whether the process turns must not wait for others. */
function isAboutTheProcess ({ routeOptions: { config: { role } } }: FastifyRequest): boolean {
  return role === 'open' || role === 'metrics'
}

function wantedOf (header: FastifyRequest['headers'][string]): number {
  const wanted = typeof header === 'string' && /^\d{1,16}$/.test(header) ? Number(header) : NaN
  if (Number.isSafeInteger(wanted)) return wanted
  throw new Problem('INVALID_FIELD', { field: 'changewell-min-revision', reason: 'must be a revision (a whole number from 0)' })
}

export default fp(minRevision, { name: 'min-revision', fastify: '5.x', dependencies: ['auth', 'changes', 'storage'] })
