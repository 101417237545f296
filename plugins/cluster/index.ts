import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../../storage/problem.ts'
import { refuseConditions } from '../conditions.ts'
import { problems } from '../schemas.ts'
import { memberRoutes } from './members.ts'
import { nodeRoutes } from './nodes.ts'
import { cluster as clusterSchema, settings } from './schemas.ts'
import { addressOf, memberOf } from './view.ts'
import { checkWebhooks } from './webhooks.ts'

/** The cluster as this node sees it, its members, and the settings that all its nodes share. */
export default async function cluster (instance: FastifyInstance): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()
  const { database, raft } = app

  app.get('/cluster', {
    config: { role: 'any' },
    schema: {
      summary: 'Who is in the cluster, and who leads',
      description: 'Where credentials are asked for, the checksum and what else is for operators is shown to the role admin.',
      tags: ['cluster'],
      response: { 200: clusterSchema, ...problems },
    },
  }, async (request) => {
    const { isAdmin } = app.access.of(request)
    const { nodeId, leader, term } = raft.status
    return {
      id: nodeId,
      clusterId: database.clusterId,
      leader,
      term,
      revision: database.revision,
      ...(isAdmin ? { checksum: database.checksum } : {}),
      members: raft.members.map((view) => isAdmin ? memberOf(view) : addressOf(view)),
    }
  })

  app.get('/cluster/settings', {
    config: { role: 'admin' },
    schema: { summary: 'Read the settings of the cluster', tags: ['cluster'], response: { 200: settings, ...problems } },
  }, async () => {
    await raft.readBarrier()
    return database.settings
  })

  app.put('/cluster/settings', {
    config: { role: 'admin' },
    schema: {
      summary: 'Change the settings of the cluster', tags: ['cluster'], body: Type.Partial(settings, { additionalProperties: false }), response: { 200: settings, ...problems },
    },
  }, async (request) => {
    refuseConditions(request)
    checkWebhooks(request.body.webhooks ?? [])
    const outcome = await raft.propose({ kind: 'settings', settings: request.body })
    if (!outcome.ok) throw new Problem(outcome.code, outcome.params)
    return database.settings
  })

  memberRoutes(instance)
  nodeRoutes(instance)
}
