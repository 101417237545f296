import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { onStalled } from '../stalled-reader.ts'

/** An answer up to this size is the system's to deliver once it is written: nothing of it waits here. */
const smallBytesMax = 64 * 1024

/**
 * Ends large answers whose reader takes nothing any more: pages, values, snapshots. They hold memory, and a snapshot a
 * view of the database as well. Streams of the feed see to it themselves, because they count how they end.
 */
async function stalled (app: FastifyInstance): Promise<void> {
  const { streamStallSeconds } = app.config
  app.addHook('onSend', (_request, { raw }, payload, done) => {
    if (isLarge(payload)) onStalled(raw, streamStallSeconds, () => raw.destroy())
    done()
  })
}

function isLarge (payload: unknown): boolean {
  if (typeof payload === 'string' || payload instanceof Buffer) return payload.length > smallBytesMax
  return payload !== null && payload !== undefined
}

export default fp(stalled, { name: 'stalled', fastify: '5.x' })
