import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { dumpOf } from '../../storage/dump.ts'
import { Problem } from '../../storage/problem.ts'
import { etag, problems, rightsMark, withHeaders } from '../schemas.ts'

const query = Type.Object({
  tenant: Type.Optional(Type.String({ description: 'Only this tenant (a name or an id) and those below it.' })),
}, { additionalProperties: false })

type View = ReturnType<ReturnType<FastifyInstance['access']['of']>['view']>

/** `GET /snapshot`: the database at one revision, for a copy to start from; the feed goes on after that revision. */
export default async function snapshot (instance: FastifyInstance): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>()
  const { config, database } = app
  let taken = 0

  app.get('/snapshot', {
    config: { longLived: true, role: 'read', tenant: 'seen' },
    schema: {
      summary: 'Take the database at one revision',
      description: 'Lines of JSON: `dump` (the header, with the revision after which the feed goes on), `tenant`, ' +
        '`collection` and `entry` records, `end` with the number of lines before it and their CRC32C. A stream without ' +
        '`end` was cut off.',
      tags: ['changes'],
      produces: ['application/x-ndjson'],
      querystring: query,
      response: { 200: withHeaders(Type.String({ description: 'The lines.' }), { ...etag, ...rightsMark }), ...problems },
    },
  }, async (request, reply) => {
    if (taken >= config.snapshotsMax) {
      throw new Problem('TOO_MANY_READERS', { setting: 'CHANGEWELL_SNAPSHOTS_MAX', limit: config.snapshotsMax })
    }
    const access = app.access.of(request)
    if (request.query.tenant !== undefined) access.assert('read', request.query.tenant)
    const view = access.view(null)
    const mark = access.readMark
    taken++
    try {
      await app.raft.readBarrier()
      const { revision, lines, giveUp } = await dumpOf(
        await database.store.view(), request.query.tenant, access.seesAll ? null : (name) => access.mayRead(name))
      request.blocked = true
      const stream = Readable.from(whileSeen(lines, view), { objectMode: false })
      // Who takes nothing must not keep what is no longer theirs. Without its last line a snapshot is known to be cut.
      const unlisten = app.access.listen(() => { if (view?.lost() != null) stream.destroy() })
      stream.once('close', () => {
        taken--
        unlisten()
        // Its reader may have been gone before the first line.
        void giveUp()
      })
      reply.header('content-type', 'application/x-ndjson; charset=utf-8')
      reply.header('etag', `"${revision}"`).header('changewell-rights', mark)
      return reply.send(stream as unknown as string)
    } catch (error) {
      taken--
      throw error
    }
  })
}

/**
 * The lines, as long as their taker may see them. What is on its way already is told by whoever changes rights; this
 * is also for what changed while the snapshot was being made.
 *
 * @throws Problem RIGHTS_CHANGED
 */
async function * whileSeen (lines: AsyncGenerator<Buffer>, view: View): AsyncGenerator<Buffer> {
  for await (const piece of lines) {
    const lost = view?.lost() ?? null
    if (lost !== null) throw lost
    yield piece
  }
}
