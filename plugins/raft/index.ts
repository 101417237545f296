import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Consensus } from './consensus.ts'
import { Housekeeping } from './housekeeping.ts'
import { Log } from './log/index.ts'
import { raftMetrics } from './metrics.ts'
import { nodeIdOf } from './node-id.ts'
import { Solo } from './solo.ts'

declare module 'fastify' {
  interface FastifyInstance {
    raft: Consensus
  }
}

/** How loudly the events of the log are told: what an operator should know of stands out. */
const levels = {
  'tail-cut': 'warn', 'segment-made': 'debug', 'segment-removed': 'debug', 'segment-not-made': 'error', 'segment-not-removed': 'warn',
} as const

/** Opens the log, recovers what the database lacks, and takes proposals. */
async function raft (app: FastifyInstance): Promise<void> {
  const { config, database } = app
  const metrics = raftMetrics(app.metrics.registry)
  const log = await Log.open({
    directory: join(config.dataDir, 'log'),
    segmentBytes: config.logSegmentBytes,
    onEvent: (event) => {
      metrics.onLogEvent(event)
      if (event.type === 'sync') return
      const reason = 'error' in event ? { err: event.error } : {}
      app.log[levels[event.type]]({ event, ...reason }, 'log: %s', event.type)
    },
  })
  app.addHook('onClose', () => log.close())
  const { term, vote } = log.hardState
  // Before its first term a node has promised and acknowledged nothing.
  const nodeId = await nodeIdOf(config.dataDir, { isNew: term === 0 && database.applied.index === 0, vote })
  let failure: Error | null = null
  const solo = await Solo.start({
    nodeId,
    database,
    log,
    writesPendingMax: config.writesPendingMax,
    writeTimeoutSeconds: config.writeTimeoutSeconds,
    idempotencySeconds: config.idempotencySeconds,
    flushLogBytes: config.flushLogBytes,
    onApplied: metrics.onApplied,
    onFailure: (error) => {
      failure = error
      app.log.fatal({ err: error }, 'this node can write no more; mend the cause and start it again')
    },
  })
  if (database.clusterId === null) {
    await solo.propose({ kind: 'bootstrap', clusterId: randomBytes(8).toString('hex') })
  }
  const housekeeping = new Housekeeping({ database, propose: (proposal) => solo.propose(proposal), log: app.log })
  metrics.watch({ database, status: () => solo.status, pending: () => solo.pending })
  app.readiness.register('log', () => failure === null ? null : `writes have failed: ${failure.message}`)
  app.decorate('raft', solo)
  app.addHook('onClose', async () => {
    await housekeeping.close()
    await solo.close()
  })
}

export default fp(raft, { name: 'raft', fastify: '5.x', dependencies: ['storage', 'metrics', 'health'] })
