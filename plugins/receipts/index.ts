import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { Problem } from '../../storage/problem.ts'
import { decodeReceipt } from '../../storage/receipt.ts'
import { factsFor } from '../refusal-facts.ts'
import { problem as problemSchema, problems, revision } from '../schemas.ts'
import { Inquiry } from './inquiry.ts'

export interface ReceiptsPluginOptions {
  /** A problem as JSON text. */
  renderProblem: (problem: Problem) => string
}

const params = Type.Object({ id: Type.String({ description: 'As the answer to the write had it.' }) })

const fate = Type.Object({
  state: Type.Union([Type.Literal('pending'), Type.Literal('committed'), Type.Literal('rejected')], {
    description: '`committed` and `rejected` are certain and stay. `pending`: ask again, after the seconds in `Retry-After`.',
  }),
  revision: Type.Optional(revision),
  problem: Type.Optional(problemSchema),
})

/** `GET /receipts/{id}`: what became of a write whose answer did not tell. */
export default async function receipts (
  instance: FastifyInstance, { renderProblem }: ReceiptsPluginOptions
): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()
  const { database, raft } = app
  const inquiry = new Inquiry({ database, raft })

  app.get('/receipts/:id', {
    config: { role: 'any' },
    schema: {
      summary: 'Learn what became of a write', tags: ['receipts'], params, response: { 200: fate, ...problems },
    },
  }, async (request, reply): Promise<Static<typeof fate>> => {
    const receipt = decodeReceipt(request.params.id, database.clusterId ?? '')
    const found = await inquiry.ask(receipt)
    reply.header('cache-control', 'no-store').header('changewell-revision', database.revision)
    if (found === null) {
      reply.header('retry-after', 1)
      return { state: 'pending' }
    }
    if (found.state === 'committed') return found
    const { code, params } = found
    const problem = new Problem(code, factsFor(app.access.of(request), code, params))
    return { state: 'rejected', problem: JSON.parse(renderProblem(problem)) as Static<typeof problemSchema> }
  })
}
