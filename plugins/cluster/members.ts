import type { FastifyInstance, FastifyReply } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { Problem } from '../../storage/problem.ts'
import type { Proposal } from '../../storage/types.ts'
import { problems } from '../schemas.ts'
import { addBody, changeBody, leaderBody, member as memberSchema, nodeId, waitQuery } from './schemas.ts'
import { memberOf } from './view.ts'

const params = Type.Object({ id: nodeId })

const list = Type.Object({ members: Type.Array(memberSchema) })

const changed = { 200: memberSchema, 202: memberSchema, ...problems }

/** Who belongs to the cluster. The list says what each node shall be; the leader brings it about. */
export function memberRoutes (instance: FastifyInstance): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()
  const { database, raft } = app
  const tags = ['cluster']

  app.get('/cluster/members', {
    config: { role: 'admin' },
    schema: { summary: 'List the members', tags, response: { 200: list, ...problems } },
  }, async () => {
    await raft.readBarrier()
    return { members: raft.members.map(memberOf) }
  })

  app.get('/cluster/members/:id', {
    config: { role: 'admin' },
    schema: { summary: 'Read a member', tags, params, response: { 200: memberSchema, ...problems } },
  }, async (request) => {
    await raft.readBarrier()
    return find(request.params.id)
  })

  app.post('/cluster/members', {
    config: { role: 'admin' },
    schema: {
      summary: 'Add a member',
      description: 'Idempotent by the node\'s id. The node must have been started with CHANGEWELL_JOIN, or ask to join itself. 202 when it is not what it shall be within `wait`; `waitsFor` says what is missing.',
      tags,
      querystring: waitQuery,
      body: addBody,
      response: { ...changed, 201: memberSchema },
    },
  }, async (request, reply) => {
    const { id, role = 'voter', peerAddress, apiAddress } = request.body
    const isNew = !database.nodes.has(id)
    await propose({ kind: 'node', id, role, peerAddress, apiAddress })
    return settle(reply, id, request.query.wait, isNew ? 201 : 200)
  })

  app.put('/cluster/members/:id', {
    config: { role: 'admin' },
    schema: {
      summary: 'Change a member\'s role or addresses', tags, params, querystring: waitQuery, body: changeBody, response: changed,
    },
  }, async (request, reply) => {
    const { id } = request.params
    await raft.readBarrier()
    find(id)
    const { role = null, peerAddress = '', apiAddress = '' } = request.body
    await propose({ kind: 'node', id, role, peerAddress, apiAddress })
    return settle(reply, id, request.query.wait, 200)
  })

  app.delete('/cluster/members/:id', {
    config: { role: 'admin' },
    schema: {
      summary: 'Remove a member',
      description: 'A leader hands its place on first. The id is never used again.',
      tags,
      params,
      querystring: waitQuery,
      response: { 202: memberSchema, 204: Type.Null({ description: 'It is no member any more.' }), ...problems },
    },
  }, async (request, reply) => {
    const { id } = request.params
    await propose({ kind: 'node-remove', id })
    const isGone = await raft.settled(id, request.query.wait * 1000)
    if (isGone) return reply.code(204).send(null)
    return reply.code(202).send(find(id))
  })

  app.put('/cluster/leader', {
    config: { role: 'admin' },
    schema: {
      summary: 'Hand leadership on',
      description: 'To the voter that is named, or to the best follower. With `from` only if that node leads; else nothing is done.',
      tags,
      body: leaderBody,
      response: { 200: Type.Object({ leader: Type.Union([nodeId, Type.Null()]) }), ...problems },
    },
  }, async (request) => {
    const { id, from } = request.body
    const before = raft.status.leader
    if (from !== undefined && before !== from) return { leader: before }
    if (id !== undefined && find(id).state !== 'voter') {
      throw new Problem('INVALID_FIELD', { field: 'id', reason: `must be a voter, and ${id} is none` })
    }
    const voters = raft.members.filter(({ state }) => state === 'voter')
    if (id === undefined && voters.length === 1) throw new Problem('NO_SUCCESSOR', { reason: 'there is no other voter' })
    const heir = id ?? await raft.heir()
    if (heir === null) throw new Problem('NO_SUCCESSOR', { reason: 'no other voter answers it' })
    const isDone = await raft.handOver(heir)
    const { leader } = raft.status
    // Without a name any other will do.
    if (isDone || (id === undefined && leader !== null && leader !== before)) return { leader }
    throw new Problem('NO_SUCCESSOR', { reason: 'nobody took over within three election timeouts' })
  })

  async function propose (proposal: Proposal): Promise<void> {
    const outcome = await raft.propose(proposal)
    if (!outcome.ok) throw new Problem(outcome.code, outcome.params)
  }

  function find (id: string): Static<typeof memberSchema> {
    const found = raft.members.find((one) => one.id === id)
    if (found === undefined) throw new Problem('MEMBER_NOT_FOUND', { id })
    return memberOf(found)
  }

  async function settle (
    reply: FastifyReply, id: string, seconds: number, code: number
  ): Promise<Static<typeof memberSchema>> {
    const isSettled = await raft.settled(id, seconds * 1000)
    reply.code(isSettled ? code : 202)
    return find(id)
  }
}
