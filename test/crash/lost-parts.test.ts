import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { buildNode, folder, spawnNode } from '../support/node.ts'
import { fill } from './fill.ts'
import { assertRecovers, copyOf, feedOf, replace, small, start, writeUntilCut } from './folders.ts'

t.test('A database that is older than the log allows is refused with what to do', async (t) => {
  const { app, dataDir, copy } = await start(t, small)
  await fill(app, 1)
  const old = await copy()
  await writeUntilCut(app, dataDir)
  const written = await feedOf(app)

  const left = await copy()
  const error = { code: 'DATABASE_LOST', message: /log begins at command \d+, but .* only \d+: .*from a backup/ }
  const own = copyOf(t, left)
  replace(left, 'db', old)
  await t.rejects(buildNode(t, { dataDir: left, ...small }), error, 'an older one')
  rmSync(join(left, 'db'), { recursive: true })
  await t.rejects(buildNode(t, { dataDir: left, ...small }), error, 'none')
  replace(left, 'db', own)
  await assertRecovers(t, left, written, 'with its own database it starts')
})

t.test('A lost log is refused with what to do, and nothing is changed', async (t) => {
  const { app, copy } = await start(t)
  await fill(app, 1)
  const old = await copy()
  await fill(app, 2)
  const written = await feedOf(app)

  const left = await copy()
  const own = copyOf(t, left)
  const error = { code: 'LOG_LOST', message: /log ends at \d+: its end was damaged, or the log folder was lost or is .* Put it back/ }
  rmSync(join(left, 'log'), { recursive: true })
  await t.rejects(buildNode(t, { dataDir: left }), error, 'none')
  replace(left, 'log', old)
  await t.rejects(buildNode(t, { dataDir: left }), error, 'an older one')
  replace(left, 'log', own)
  await assertRecovers(t, left, written, 'with its own log it starts')
})

t.test('The log of another node is refused when its terms tell', async (t) => {
  const { app, copy } = await start(t)
  await fill(app, 1)
  const other = folder(t)
  await (await buildNode(t, { dataDir: other })).close()
  const restarted = await buildNode(t, { dataDir: other })
  for (let round = 0; round < 2; round++) await fill(restarted, round)

  const left = await copy()
  replace(left, 'log', other)
  await t.rejects(buildNode(t, { dataDir: left }), { code: 'LOG_LOST', message: /another node's/ })
})

t.test('The process says why it does not start when a part of its folder is lost', async (t) => {
  const parts = [
    ['log', /^changewell: The database has applied command/m],
    ['db', /^changewell: The log begins at command/m]
  ] as const
  for (const [part, message] of parts) {
    const { app, dataDir } = await start(t, small)
    await writeUntilCut(app, dataDir)
    await app.close()
    rmSync(join(dataDir, part), { recursive: true })
    const node = spawnNode(t, { CHANGEWELL_DATA_DIR: dataDir })
    t.equal((await node.ended).code, 1)
    t.match(node.lines.join('\n'), message)
    t.notMatch(node.lines.join('\n'), /^ +at /m)
  }
})
