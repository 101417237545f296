import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { Problem } from '../../storage/problem.ts'
import type { RawJson } from '../../storage/raw-json.ts'
import { timestampText } from '../../storage/timestamp.ts'
import type { Operation, Written } from '../../storage/types.ts'
import { data, problems, tags, writeHeaders, written } from '../schemas.ts'

const newChange = {
  // Not filled in by a default: a batch must show that nothing stands beside it.
  type: Type.Optional(Type.Union([Type.Literal('put'), Type.Literal('delete')], { description: '`put` when absent.' })),
  tenant: Type.Optional(Type.String({ description: 'A name or an id.' })),
  collection: Type.Optional(Type.String()),
  key: Type.Optional(Type.String()),
  tags: Type.Optional(tags),
  data: Type.Optional(data),
}

const single = Type.Object(newChange, { additionalProperties: false })

const body = Type.Object({
  ...newChange,
  changes: Type.Optional(Type.Array(single, { minItems: 1, description: 'All or none; nothing else beside it.' })),
}, { additionalProperties: false })

const reply = Type.Object({
  revision: Type.Optional(written.properties.revision),
  timestamp: Type.Optional(written.properties.timestamp),
  changes: Type.Optional(Type.Array(written)),
}, { description: 'Revision and timestamp of the change, or those of each change of a batch.' })

/** `POST /changes`: one change, or a batch that happens at once. */
export async function writeRoutes (instance: FastifyInstance): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()
  const { batchChangesMax } = app.config

  app.post('/changes', {
    config: { role: 'write', tenant: 'each' },
    schema: {
      summary: 'Write one change, or several at once',
      tags: ['changes'],
      headers: writeHeaders,
      body,
      response: { 201: reply, ...problems },
    },
  }, async (request, response) => {
    const { changes, ...one } = request.body
    response.code(201)
    if (changes === undefined) {
      const { written: [first] } = await app.write(request, { then: [operationOf(one)] })
      return answer(first!)
    }
    if (Object.keys(request.body).length > 1) {
      throw new Problem('INVALID_FIELD', { field: '/changes', reason: 'must stand alone: a body is one change or a batch' })
    }
    if (changes.length > batchChangesMax) {
      throw new Problem('INVALID_FIELD', {
        field: '/changes', reason: `must be at most ${batchChangesMax} changes (CHANGEWELL_BATCH_CHANGES_MAX)`,
      })
    }
    const outcome = await app.write(request, {
      then: changes.map(operationOf), at: (_, place) => `/changes/${place}`,
    })
    return { changes: outcome.written.map(answer) }
  })
}

function operationOf ({ type = 'put', data: value, ...names }: Static<typeof single>): Operation {
  const operation: Operation = { type, ...names }
  if (value !== undefined) operation.data = (value as RawJson).bytes
  return operation
}

function answer ({ revision, timestamp }: Written): Static<typeof written> {
  return { revision, timestamp: timestampText(timestamp) }
}
