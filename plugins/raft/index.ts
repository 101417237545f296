import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { GoneMembers } from './gone-members.ts'
import { Housekeeping } from './housekeeping.ts'
import { Log } from './log/index.ts'
import { raftMetrics } from './metrics.ts'
import { nodeIdOf, renewNodeId } from './node-id.ts'
import type { RenderProblem } from './peer-listener.ts'
import { RaftNode } from './raft-node.ts'

export { assertNotEmptied } from './emptied.ts'

declare module 'fastify' {
  interface FastifyInstance {
    raft: RaftNode
  }
}

export interface RaftPluginOptions {
  renderProblem: RenderProblem
}

/** How loudly the events of the log are told: what an operator should know of stands out. */
const levels = {
  'tail-cut': 'warn', 'segment-made': 'debug', 'segment-removed': 'debug', 'segment-not-made': 'error', 'segment-not-removed': 'warn',
} as const

/** Opens the log, recovers what the database lacks, and makes this node a member of its cluster. */
async function raft (app: FastifyInstance, { renderProblem }: RaftPluginOptions): Promise<void> {
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
  const node = await RaftNode.open({
    nodeId,
    renewNodeId: () => renewNodeId(config.dataDir),
    dataDir: config.dataDir,
    database,
    log,
    logger: app.log,
    discovery: app.discovery,
    role: config.role,
    writesPendingMax: config.writesPendingMax,
    writeTimeoutSeconds: config.writeTimeoutSeconds,
    leaderWaitSeconds: config.leaderWaitSeconds,
    idempotencySeconds: config.idempotencySeconds,
    receiptSeconds: config.receiptSeconds,
    flushLogBytes: config.flushLogBytes,
    uncommittedBytesMax: config.uncommittedBytesMax,
    diskSeconds: config.diskSeconds,
    snapshotBytesPerSecond: config.snapshotBytesPerSecond,
    requestTimeoutSeconds: config.requestTimeoutSeconds,
    peerBufferBytesMax: config.peerBufferBytesMax,
    security: app.tls.peers,
    renderProblem,
    onApplied: metrics.onApplied,
    onSnapshot: metrics.onSnapshot,
    onLeader: metrics.onLeader,
  })
  const housekeeping = new Housekeeping({
    database, leads: () => node.leads, propose: (proposal) => node.propose(proposal), log: app.log,
  })
  const gone = config.removeGoneSeconds === 0
    ? null
    : new GoneMembers({
      seconds: config.removeGoneSeconds,
      isGone: (id, signal) => app.discovery.isGone(id, signal),
      leads: () => node.leads,
      members: () => node.members,
      propose: (proposal) => node.propose(proposal),
      log: app.log,
    })
  metrics.watch({ database, status: () => node.status, members: () => node.members, pending: () => node.pending })
  app.readiness.register('raft', () => node.unready)
  app.decorate('raft', node)
  // Others lead before this node takes no more requests.
  app.addHook('preClose', async () => { await node.handOver(null) })
  app.addHook('onClose', async () => {
    await housekeeping.close()
    await gone?.close()
    await node.close()
  })
}

export default fp(raft, { name: 'raft', fastify: '5.x', dependencies: ['storage', 'metrics', 'health', 'tls', 'discovery'] })
