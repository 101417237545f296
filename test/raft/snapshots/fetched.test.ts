import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Log } from '../../../plugins/raft/log/index.ts'
import { emptyConfiguration, type InstallSnapshot } from '../../../plugins/raft/core/index.ts'
import { FetchedSnapshots, SnapshotGone, type SnapshotProgress } from '../../../plugins/raft/snapshots/fetched.ts'
import { ImageFolder } from '../../../plugins/raft/snapshots/files.ts'
import { Database } from '../../../storage/database.ts'
import { openRocksStore } from '../../../storage/rocksdb.ts'
import { applyAll, filled, imageChunks } from '../../support/filled-database.ts'
import { folder, until } from '../../support/node.ts'

const leader = 'a'.repeat(16)

/** A leader that gives its image, as far as it is told to, and remembers from where it was asked for. */
class Sender {
  readonly offsets: number[] = []
  /** Times that it was asked, answered or not. */
  asked = 0
  /** The connection breaks after so many bytes; not any more, once there is none. */
  breaks: number[] = []
  isGone = false
  /** Answers nothing until this resolves. */
  pause: Promise<void> = Promise.resolve()
  #url = ''

  async listen (t: Test, imageOf: () => Buffer): Promise<this> {
    const server = createServer(async (request, response) => {
      this.asked++
      await this.pause
      const offset = Number(new URL(request.url ?? '', 'http://a').searchParams.get('offset'))
      const image = imageOf()
      this.offsets.push(offset)
      if (this.isGone) return void response.writeHead(404).end()
      response.writeHead(200, { 'changewell-snapshot-bytes': image.length })
      const breakAt = this.breaks.shift()
      if (breakAt === undefined) return void response.end(image.subarray(offset))
      response.write(image.subarray(offset, breakAt), () => response.destroy())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => { server.close() })
    this.#url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return this
  }

  request = async (_from: string, path: string, offset: number, signal: AbortSignal): Promise<IncomingMessage> => {
    const [response] = await once(get(`${this.#url}${path}?offset=${offset}`, { signal, agent: false }), 'response')
    return response as IncomingMessage
  }
}

interface World {
  source: Database
  image: () => Promise<Buffer>
  database: Database
  log: Log
  fetched: FetchedSnapshots
  events: SnapshotProgress[]
  directory: string
  sender: Sender
  message: (term?: number) => InstallSnapshot
}

/** A database that holds something, and an empty node that is to get it. */
async function build (t: Test): Promise<World> {
  const source = await filled(await openRocksStore(folder(t)), 2000)
  const dataDir = folder(t)
  const database = await Database.open(await openRocksStore(join(dataDir, 'db')))
  const log = await Log.open({ directory: join(dataDir, 'log'), segmentBytes: 65_536 })
  t.teardown(async () => {
    await log.close()
    await database.close()
    await source.close()
  })
  let bytes = Buffer.alloc(0)
  const image = async (): Promise<Buffer> => {
    bytes = Buffer.concat(await imageChunks(source))
    return bytes
  }
  await image()
  const sender = await new Sender().listen(t, () => bytes)
  const events: SnapshotProgress[] = []
  const directory = join(dataDir, 'fetched')
  const fetched = new FetchedSnapshots({
    database,
    log,
    folder: await ImageFolder.open(directory),
    markerPath: join(dataDir, 'installing'),
    request: sender.request,
    onProgress: (event) => { events.push(event) },
  })
  t.teardown(() => fetched.close())
  const message = (term = 3): InstallSnapshot => ({
    type: 'snapshot',
    from: leader,
    to: 'b'.repeat(16),
    term,
    snapshot: { ...source.applied, configuration: { ...emptyConfiguration, voters: [leader] } },
  })
  return { source, image, database, log, fetched, events, directory, sender, message }
}

t.test('A transfer that breaks off goes on at the byte where it stood, and what came is installed', async (t) => {
  const { source, image, database, log, fetched, events, sender, message } = await build(t)
  const { length } = await image()
  sender.breaks = [Math.floor(length / 3), Math.floor(length / 2)]
  const asked = message()
  t.equal(await fetched.receive(asked), asked)
  t.equal(sender.offsets.length, 3)
  const [first, second, third] = sender.offsets as [number, number, number]
  t.equal(first, 0)
  t.ok(second > 0 && second <= length / 3, `it went on at ${second} of ${length}`)
  t.ok(third >= second && third <= length / 2, `and then at ${third}`)
  t.same(events.map(({ state }) => state).filter((state) => state !== 'fetching'), ['broken off', 'broken off', 'fetched'])
  const broken = events.filter(({ state }) => state === 'broken off')
  t.same(broken.map(({ bytes }) => bytes), [second, third], 'progress says how far it is')

  await fetched.install(asked.snapshot)
  t.equal(database.revision, source.revision)
  t.same(database.checksum, source.checksum)
  t.equal(log.lastIndex, source.applied.index)
})

t.test('What is damaged on its way is thrown away and told, and what a node before it left over is gone on with', async (t) => {
  const { image, fetched, sender, message, directory } = await build(t)
  const bytes = await image()
  const { index, term } = message().snapshot
  // A start that a crash left behind: right, but for one byte.
  const half = Buffer.from(bytes.subarray(0, Math.floor(bytes.length / 2)))
  half[half.length - 100]! ^= 1
  await writeFile(join(directory, `${index}-${term}.part`), half)
  await t.rejects(fetched.receive(message()), { name: 'ImageError' })
  t.same(sender.offsets, [half.length])
  t.same(await fetched.receive(message()), message(), 'the next time it begins anew')
  t.same(sender.offsets, [half.length, 0])
})

t.test('A sender that has the snapshot no longer is given up at once', async (t) => {
  const { fetched, sender, message } = await build(t)
  sender.isGone = true
  await t.rejects(fetched.receive(message()), SnapshotGone)
  t.equal(sender.offsets.length, 1)
})

t.test('A snapshot waits whole to be installed while a newer one is fetched; one that is installed is not fetched again', async (t) => {
  const { source, image, database, fetched, sender, message, directory } = await build(t)
  const older = message()
  await fetched.receive(older)
  await applyAll(source, [{ kind: 'write', timestamp: 9000, compare: [], then: [{ type: 'tenant-create', tenant: 'b' }] }])
  await image()
  let goOn!: () => void
  sender.pause = new Promise((resolve) => { goOn = resolve })
  const newer = message()
  const received = fetched.receive(newer)
  await until(() => sender.asked === 2, 'the sender to be asked')
  t.equal(await fetched.receive(newer), null, 'it is on its way already')
  await fetched.install(older.snapshot)
  t.equal(database.applied.index, older.snapshot.index)
  goOn()
  t.equal(await received, newer)
  await fetched.install(newer.snapshot)
  t.equal(database.revision, source.revision)

  const asked = sender.offsets.length
  t.equal(await fetched.receive(older), older, 'the core is told, and answers that it has more')
  t.equal(await fetched.receive(newer), newer)
  t.equal(sender.offsets.length, asked)
  t.same(await readdir(directory), [], 'what is installed takes no room')
})

t.test('Of two leaders the newer one\'s snapshot is fetched', async (t) => {
  const { source, image, fetched, sender, message } = await build(t)
  let goOn!: () => void
  sender.pause = new Promise((resolve) => { goOn = resolve })
  const first = message(3)
  const older = fetched.receive(first)
  await applyAll(source, [{ kind: 'write', timestamp: 9000, compare: [], then: [{ type: 'tenant-create', tenant: 'b' }] }])
  await image()
  const second = message(4)
  const newer = fetched.receive(second)
  t.equal(await older, null)
  t.equal(await fetched.receive(first), null, 'an old leader\'s message comes late')
  goOn()
  t.equal(await newer, second)
})
