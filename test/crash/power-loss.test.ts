import { cpSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildNode, folder, spawnNode, until } from '../support/node.ts'
import { Random } from '../support/random.ts'
import { verifyStore } from '../support/verify.ts'
import { fill } from './fill.ts'

// A loss of power takes from RocksDB what it has written and not synced, which is all since the last flush; the node's
// own log is synced before anything is acknowledged. A copy of an idle node's folder is what a kill would leave, and
// the database in it can then be made as old as a loss of power would have left it.

const small = { logSegmentBytes: 64 * 1024, flushLogBytes: 64 * 1024 }
const cuts = 15

for (const flushed of [false, true]) {
  t.test(`RocksDB may lose the end of its own log, ${flushed ? 'after a' : 'without any'} flush`, async (t) => {
    const dataDir = folder(t)
    const app = await buildNode(t, { dataDir })
    await fill(app, 0)
    if (flushed) await app.database.flush()
    for (let round = 1; round < 3; round++) await fill(app, round)
    const written = await feedOf(app)
    const copy = copyOf(t, dataDir)
    const { path, bytes } = databaseLog(copy)

    const random = new Random(1)
    for (const end of [0, 1, bytes - 1, bytes, ...Array.from({ length: cuts }, () => random.below(bytes))]) {
      const cut = copyOf(t, copy)
      truncateSync(join(cut, path), end)
      await assertRecovers(t, cut, written, `cut at ${end} of ${bytes}`)
    }
  })
}

t.test('a database without anything is made again from a log that was never cut', async (t) => {
  const dataDir = folder(t)
  const app = await buildNode(t, { dataDir })
  await fill(app, 1)
  const written = await feedOf(app)
  const copy = copyOf(t, dataDir)
  rmSync(join(copy, 'db'), { recursive: true })
  const again = await assertRecovers(t, copy, written, 'from the log alone')
  t.equal(again.raft.status.nodeId, app.raft.status.nodeId)
  t.equal(again.database.clusterId, app.database.clusterId, 'it is the same node of the same cluster')
})

t.test('a database that is older than the last flush, but not older than the log, is brought up to date', async (t) => {
  const dataDir = folder(t)
  const app = await buildNode(t, { dataDir, ...small })
  await writeUntilCut(app, dataDir)
  const old = copyOf(t, dataDir)
  for (let round = 0; round < 2; round++) await fill(app, round)
  await app.database.flush()
  await fill(app, 2)
  const written = await feedOf(app)

  const copy = copyOf(t, dataDir)
  replace(copy, 'db', old)
  await assertRecovers(t, copy, written, 'from the copy that was made before')
})

t.test('after the log was cut, RocksDB may still lose all that it has not synced', async (t) => {
  const dataDir = folder(t)
  const app = await buildNode(t, { dataDir, ...small })
  for (let cut = 0; cut < 3; cut++) {
    await writeUntilCut(app, dataDir)
    await fill(app, cut)
    const written = await feedOf(app)
    const copy = copyOf(t, dataDir)
    const { path, bytes } = databaseLog(copy)
    truncateSync(join(copy, path), 0)
    await assertRecovers(t, copy, written, `without the last ${bytes} bytes`)
  }
})

t.test('a database that is older than the log allows is refused with what to do', async (t) => {
  const dataDir = folder(t)
  const app = await buildNode(t, { dataDir, ...small })
  await fill(app, 1)
  const old = copyOf(t, dataDir)
  await writeUntilCut(app, dataDir)
  const written = await feedOf(app)

  const copy = copyOf(t, dataDir)
  const error = { code: 'DATABASE_LOST', message: /log begins at command \d+, but .* only \d+: .*from a backup/ }
  replace(copy, 'db', old)
  await t.rejects(buildNode(t, { dataDir: copy, ...small }), error, 'an older one')
  rmSync(join(copy, 'db'), { recursive: true })
  await t.rejects(buildNode(t, { dataDir: copy, ...small }), error, 'none')
  replace(copy, 'db', dataDir)
  await assertRecovers(t, copy, written, 'with its own database it starts')
})

t.test('a lost log is refused with what to do, and nothing is changed', async (t) => {
  const dataDir = folder(t)
  const app = await buildNode(t, { dataDir })
  await fill(app, 1)
  const old = copyOf(t, dataDir)
  await fill(app, 2)
  const written = await feedOf(app)

  const copy = copyOf(t, dataDir)
  const error = { code: 'LOG_LOST', message: /log ends at \d+: the log folder was lost or is .* Put it back/ }
  rmSync(join(copy, 'log'), { recursive: true })
  await t.rejects(buildNode(t, { dataDir: copy }), error, 'none')
  replace(copy, 'log', old)
  await t.rejects(buildNode(t, { dataDir: copy }), error, 'an older one')
  replace(copy, 'log', dataDir)
  await assertRecovers(t, copy, written, 'with its own log it starts')
})

t.test('the log of another node is refused when its terms tell', async (t) => {
  const dataDir = folder(t)
  const app = await buildNode(t, { dataDir })
  await fill(app, 1)
  const other = folder(t)
  await (await buildNode(t, { dataDir: other })).close()
  const restarted = await buildNode(t, { dataDir: other })
  for (let round = 0; round < 2; round++) await fill(restarted, round)

  const copy = copyOf(t, dataDir)
  replace(copy, 'log', other)
  await t.rejects(buildNode(t, { dataDir: copy }), { code: 'LOG_LOST', message: /another node's/ })
})

t.test('the process says why it does not start when a part of its folder is lost', async (t) => {
  const parts = [
    ['log', /^changewell: The database has applied command/m],
    ['db', /^changewell: The log begins at command/m]
  ] as const
  for (const [part, message] of parts) {
    const dataDir = folder(t)
    const app = await buildNode(t, { dataDir, ...small })
    await writeUntilCut(app, dataDir)
    await app.close()
    rmSync(join(dataDir, part), { recursive: true })
    const node = spawnNode(t, { CHANGEWELL_DATA_DIR: dataDir })
    t.equal((await node.ended).code, 1)
    t.match(node.lines.join('\n'), message)
    t.notMatch(node.lines.join('\n'), /^ +at /m)
  }
})

/** Starts a node on the folder and sees that it has all that was written, agrees with itself, and takes writes. */
async function assertRecovers (t: Test, dataDir: string, written: string[], what: string): Promise<FastifyInstance> {
  const app = await buildNode(t, { dataDir })
  const found = await feedOf(app)
  t.ok(found.length === written.length && found.every((text, at) => text === written[at]),
    `${what}: ${found.length} of ${written.length} changes`)
  await verifyStore(app.database.store)
  const { statusCode } = await app.inject({ method: 'POST', url: '/changes', payload: { data: 'after' } })
  t.equal(statusCode, 201, `${what}: it takes writes`)
  await app.close()
  return app
}

/** The whole feed, as the text of each change. */
async function feedOf (app: FastifyInstance): Promise<string[]> {
  const { changes } = (await app.inject('/changes?limit=10000')).json<{ changes: object[] }>()
  return changes.map((change) => JSON.stringify(change))
}

/** Writes until the log's first segment is gone, and what made it go has ended. */
async function writeUntilCut (app: FastifyInstance, dataDir: string): Promise<void> {
  const first = segments(dataDir)[0]
  for (let at = 0; segments(dataDir)[0] === first; at++) {
    if (at === 1000) throw new Error('the log is never cut')
    await app.inject({ method: 'POST', url: '/changes', payload: { data: 'x'.repeat(10_000) } })
  }
  await until(() => segments(dataDir).length <= 2, 'the log to be short')
}

function segments (dataDir: string): string[] {
  return readdirSync(join(dataDir, 'log')).filter((name) => name.endsWith('.log')).sort()
}

function copyOf (t: Test, dataDir: string): string {
  const copy = folder(t)
  cpSync(dataDir, copy, { recursive: true })
  return copy
}

/** Puts a part of another data folder in the place of this one's. */
function replace (dataDir: string, part: 'db' | 'log', from: string): void {
  rmSync(join(dataDir, part), { recursive: true, force: true })
  cpSync(join(from, part), join(dataDir, part), { recursive: true })
}

/** The newest file of RocksDB's own log, as a path in the data folder. */
function databaseLog (dataDir: string): { path: string, bytes: number } {
  const name = readdirSync(join(dataDir, 'db')).filter((file) => /^[0-9]+\.log$/.test(file)).sort().at(-1)!
  return { path: join('db', name), bytes: statSync(join(dataDir, 'db', name)).size }
}
