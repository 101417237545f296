import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { problems, timestamp } from '../schemas.ts'

/** At most so many writes are shown. */
const shownMax = 100

const queueSchema = Type.Object({
  writes: Type.Integer({ description: 'How many wait on this node.' }),
  bytes: Type.Integer(),
  waitsFor: Type.Union([Type.String(), Type.Null()], { description: 'Why the first one could not be sent on; null when it can.' }),
  first: Type.Array(Type.Object({
    receipt: Type.String(),
    acceptedAt: timestamp,
    deadline: Type.String({ format: 'date-time', description: 'A write that no leader has taken by then is rejected.' }),
    requestId: Type.String(),
  }), { description: `The first ${shownMax}, in the order in which they are sent.` }),
})

/** `GET /queue`: what this node has taken in and not sent on yet. */
export function queueRoute (instance: FastifyInstance): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()
  app.get('/queue', {
    config: { role: 'admin' },
    schema: { summary: 'See the writes that this node has still to send on', tags: ['receipts'], response: { 200: queueSchema, ...problems } },
  }, async () => {
    const { items, bytes, waitsFor } = app.queue
    return {
      writes: items.length,
      bytes,
      waitsFor,
      first: items.slice(0, shownMax).map(({ acceptedAt, after, origin, proposal: { receipt } }) => ({
        receipt: app.raft.receipts.textOf({ ...receipt, after }),
        acceptedAt: new Date(acceptedAt).toISOString(),
        deadline: new Date(receipt.deadline).toISOString(),
        requestId: origin.requestId,
      })),
    }
  })
}
