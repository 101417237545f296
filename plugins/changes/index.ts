import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Problem } from '../../storage/problem.ts'
import { Feed } from './feed.ts'
import { feedMetrics } from './metrics.ts'
import { readRoutes } from './read.ts'
import type { Framing } from './tail.ts'
import { writeRoutes } from './write.ts'

declare module 'fastify' {
  interface FastifyInstance {
    feed: Feed
  }
}

export interface ChangesOptions {
  /** The JSON text of a problem, for streams that end with one. */
  renderProblem: (problem: Problem) => string
}

/** The change feed: its live end, and the routes that write to it and read it. */
async function changes (app: FastifyInstance, options: ChangesOptions): Promise<void> {
  const { config, database } = app
  const feed = new Feed({
    lastRevision: database.revision,
    tailBytesMax: config.feedTailBytesMax,
    blockedReadersMax: config.blockedReadersMax,
    streamsMax: config.streamsMax,
    streamHeartbeatSeconds: config.streamHeartbeatSeconds,
    streamStallSeconds: config.streamStallSeconds,
    streamBufferBytesMax: config.streamBufferBytesMax,
    isGuarded: app.access.isOn,
    renderProblem: (problem, framing) => inStream(options.renderProblem(problem), framing),
  })
  database.listen((published) => feed.publish(published))
  database.listenRestore(() => feed.restart(database.revision))
  app.access.listen(() => feed.recheck())
  app.decorate('feed', feed)
  feedMetrics(app.metrics.registry, feed)
  app.addHook('preClose', async () => feed.close())
  app.register(writeRoutes)
  app.register(readRoutes)
}

/** A stream that must end with a problem says it as an event of its own, or as a line with the one member `problem`. */
function inStream (body: string, framing: Framing): Buffer {
  return Buffer.from(framing === 'sse' ? `event: problem\ndata: ${body}\n\n` : `{"problem":${body}}\n`)
}

export default fp(changes, { name: 'changes', fastify: '5.x', dependencies: ['storage', 'raft', 'writes', 'metrics', 'problems', 'auth'] })
