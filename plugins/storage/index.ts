import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Database } from '../../storage/database.ts'
import { openRocksStore } from '../../storage/rocksdb.ts'
import { DiskSpace } from './disk-space.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The replicated database, open. */
    database: Database
    diskSpace: DiskSpace
  }
}

/**
 * Opens the database first and closes it last, after everything that reads or writes it. Every answer carries the
 * database's revision.
 */
async function storage (app: FastifyInstance): Promise<void> {
  const store = await openRocksStore(join(app.config.dataDir, 'db'))
  // Said before anything can fail, so that a start which does fail lets go of the folder.
  app.addHook('onClose', () => store.close())
  const database = await Database.open(store, { cacheBytes: app.config.cacheBytesMax })
  const diskSpace = await DiskSpace.watch(app.config.dataDir, app.config.diskFreeBytesMin)
  app.decorate('database', database)
  app.decorate('diskSpace', diskSpace)
  if (diskSpace.isLow) {
    const { freeBytes, neededBytes } = diskSpace
    app.log.warn('writes are refused: the disk has %d bytes left, and %d are kept free (CHANGEWELL_DISK_FREE_BYTES_MIN)',
      freeBytes, neededBytes)
  }
  app.readiness.register('disk', () => diskSpace.isLow ? `only ${diskSpace.freeBytes} bytes are left on the disk` : null)
  app.addHook('onSend', (_request, reply, _payload, done) => {
    // A read that went on for a while has said where it began: a reader who follows from there misses nothing.
    if (!reply.hasHeader('changewell-revision')) reply.header('changewell-revision', database.revision)
    done()
  })
  app.addHook('onClose', async () => diskSpace.close())
}

export default fp(storage, { name: 'storage', fastify: '5.x', dependencies: ['health'] })
