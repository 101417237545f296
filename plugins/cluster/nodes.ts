import type { FastifyInstance } from 'fastify'
import { Problem } from '../../storage/problem.ts'
import type { MemberView } from './view.ts'

const tenant = '_system'
const collection = 'nodes'
const base = `/tenants/${tenant}/collections/${collection}/keys`

/** The node list as a collection that nobody writes to: what reads keys can read it. Its changes are in no feed. */
export function nodeRoutes (app: FastifyInstance): void {
  const { raft } = app
  const options = { config: { role: 'admin' as const }, schema: { hide: true } }

  app.get<{ Querystring: { consistency?: string } }>(base, options, async ({ query }) => {
    if (query.consistency !== 'local') await raft.readBarrier()
    return { keys: raft.members.map(entryOf), next: null }
  })

  app.get<{ Params: { key: string }, Querystring: { consistency?: string } }>(`${base}/:key`, options, async ({ params, query }, reply) => {
    if (query.consistency !== 'local') await raft.readBarrier()
    const found = raft.members.find(({ id }) => id === params.key)
    if (found === undefined) throw new Problem('KEY_NOT_FOUND', { tenant, collection, key: params.key })
    reply.header('etag', `"${found.revision}"`)
    return entryOf(found)
  })
}

function entryOf ({ id, role, state, peerAddress, apiAddress, revision, timestamp }: MemberView): object {
  return {
    key: id, revision, timestamp: new Date(timestamp).toISOString(), data: { id, role, state, peerAddress, apiAddress },
  }
}
