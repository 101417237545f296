import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { Problem } from '../../storage/problem.ts'
import type { RawJson } from '../../storage/raw-json.ts'
import type { Operation } from '../../storage/types.ts'
import { accepted, ackQuery, data, problems, revision, tags, writeHeaders, written } from '../schemas.ts'

/** The greatest whole number that is exact, less the one that stands for any revision in the log. */
const revisionMax = Number.MAX_SAFE_INTEGER - 1

const comparison = Type.Object({
  tenant: Type.String(),
  collection: Type.String(),
  key: Type.String(),
  revision: Type.Integer({ minimum: 0, maximum: revisionMax, description: 'The revision that the key must have; 0 means absent.' }),
}, { additionalProperties: false })

const operation = Type.Object({
  type: Type.Optional(Type.Union([Type.Literal('put'), Type.Literal('delete')], { default: 'put' })),
  tenant: Type.Optional(Type.String()),
  collection: Type.Optional(Type.String()),
  key: Type.Optional(Type.String()),
  tags: Type.Optional(tags),
  data: Type.Optional(data),
}, { additionalProperties: false })

const body = Type.Object({
  compare: Type.Array(comparison, { default: [], description: 'All must hold.' }),
  then: Type.Array(operation, { default: [], description: 'Done when they hold.' }),
  else: Type.Optional(Type.Array(operation, { description: 'Done when one does not.' })),
}, { additionalProperties: false })

const answer = Type.Object({
  succeeded: Type.Boolean({ description: 'Whether the comparisons held.' }),
  revision,
  changes: Type.Array(written, { description: 'Of the branch that was done, in order.' }),
})

/** Transactions: compare keys' revisions, then make one set of changes or another, at once. */
export default async function transactions (instance: FastifyInstance): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()
  const { batchChangesMax } = app.config

  app.post('/transactions', {
    config: { role: 'write', tenant: 'each' },
    schema: {
      summary: 'Compare, then change',
      description: 'When a comparison fails, `else` is done; without changes in it, nothing is.',
      tags: ['transactions'],
      headers: writeHeaders,
      querystring: ackQuery,
      body,
      response: { 200: answer, 202: accepted, ...problems },
    },
  }, async (request, reply) => {
    const { compare, then, else: otherwise = [] } = request.body
    for (const [name, { length }] of Object.entries({ compare, then, else: otherwise })) {
      if (length <= batchChangesMax) continue
      throw new Problem('INVALID_FIELD', { field: `/${name}`, reason: `must be at most ${batchChangesMax} (CHANGEWELL_BATCH_CHANGES_MAX)` })
    }
    return app.write(request, reply, {
      compare,
      then: then.map(operationOf),
      else: otherwise.map(operationOf),
      at: (branch, place) => `/${branch}/${place}`,
    }, ({ branch, revision: after, written: changes }) => ({
      succeeded: branch === 'then',
      revision: after,
      changes: changes.map((change) => ({
        revision: change.revision, timestamp: new Date(change.timestamp).toISOString(),
      })),
    }))
  })
}

function operationOf ({ type = 'put', data: value, ...names }: Static<typeof operation>): Operation {
  const made: Operation = { type, ...names }
  if (value !== undefined) made.data = (value as RawJson).bytes
  return made
}
