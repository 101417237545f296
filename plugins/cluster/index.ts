import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../../storage/problem.ts'
import { problems } from '../schemas.ts'

const settings = Type.Object({
  historyChanges: Type.Union([Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), Type.Null()], {
    description: 'How many of the newest changes the history keeps, at least; null keeps all. Values of keys and the feeds of tenants are never cut.',
  }),
}, { additionalProperties: false })

const member = Type.Object({
  id: Type.String(),
  role: Type.Union([Type.Literal('voter'), Type.Literal('replica')]),
  state: Type.String(),
})

const status = Type.Object({
  id: Type.String({ description: 'The node that answers.' }),
  clusterId: Type.Union([Type.String(), Type.Null()]),
  leader: Type.Union([Type.String(), Type.Null()]),
  term: Type.Integer(),
  revision: Type.Integer(),
  members: Type.Array(member),
})

/** The cluster as this node sees it, and the settings that all its nodes share. */
export default async function cluster (instance: FastifyInstance): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()
  const { database, raft } = app

  app.get('/cluster', {
    schema: { summary: 'Who is in the cluster, and who leads', tags: ['cluster'], response: { 200: status, ...problems } },
  }, async () => {
    const { nodeId, leader, term } = raft.status
    return {
      id: nodeId,
      clusterId: database.clusterId,
      leader,
      term,
      revision: database.revision,
      members: [{ id: nodeId, role: 'voter' as const, state: 'voter' }],
    }
  })

  app.get('/cluster/settings', {
    schema: { summary: 'Read the settings of the cluster', tags: ['cluster'], response: { 200: settings, ...problems } },
  }, async () => {
    await raft.readBarrier()
    return database.settings
  })

  app.put('/cluster/settings', {
    schema: {
      summary: 'Change the settings of the cluster', tags: ['cluster'], body: Type.Partial(settings, { additionalProperties: false }), response: { 200: settings, ...problems },
    },
  }, async (request) => {
    const outcome = await raft.propose({ kind: 'settings', settings: { ...database.settings, ...request.body } })
    if (!outcome.ok) throw new Problem(outcome.code, outcome.params)
    return database.settings
  })
}
