import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { QueueFile } from './file.ts'
import { queueMetrics } from './metrics.ts'
import { Queue } from './queue.ts'
import { queueRoute } from './route.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Writes that this node sends on when a leader is known. */
    queue: Queue
  }
}

/** Opens this node's queue, and goes on with what was in it. */
async function queuePlugin (app: FastifyInstance): Promise<void> {
  const { config, database, raft } = app
  const file = await QueueFile.open(join(config.dataDir, 'queue'))
  const onDone = queueMetrics(app.metrics.registry, () => queue)
  const queue = new Queue({
    file,
    raft,
    database,
    writesMax: config.queueWritesMax,
    bytesMax: config.queueBytesMax,
    seconds: config.queueSeconds,
    log: app.log,
    onDone,
  })
  app.decorate('queue', queue)
  app.addHook('onClose', () => queue.close())
  queueRoute(app)
  queue.start()
}

export default fp(queuePlugin, { name: 'queue', fastify: '5.x', dependencies: ['storage', 'raft', 'metrics', 'auth'] })
