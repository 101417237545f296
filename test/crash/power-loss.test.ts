import { rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Random } from '../support/random.ts'
import { fill } from './fill.ts'
import { assertRecovers, copyOf, databaseLog, feedOf, replace, segments, small, start, writeUntilCut } from './folders.ts'

// A loss of power takes from RocksDB what it has written and not synced, which is all since the last flush; the node's
// own log is synced before anything is acknowledged. A copy of an idle node's folder is what a kill would leave, and
// the database in it can then be made as old as a loss of power would have left it.

const cuts = 15

for (const flushed of [false, true]) {
  t.test(`RocksDB may lose the end of its own log, ${flushed ? 'after a' : 'without any'} flush`, async (t) => {
    const { app, copy } = await start(t)
    await fill(app, 0)
    if (flushed) await app.database.flush()
    for (let round = 1; round < 3; round++) await fill(app, round)
    const written = await feedOf(app)
    const left = await copy()
    const { path, bytes } = databaseLog(left)

    const random = new Random(1)
    for (const end of [0, 1, bytes - 1, bytes, ...Array.from({ length: cuts }, () => random.below(bytes))]) {
      const cut = copyOf(t, left)
      truncateSync(join(cut, path), end)
      await assertRecovers(t, cut, written, `cut at ${end} of ${bytes}`)
    }
  })
}

t.test('A database without anything is made again from a log that was never cut', async (t) => {
  const { app, copy } = await start(t)
  await fill(app, 1)
  const written = await feedOf(app)
  const left = await copy()
  rmSync(join(left, 'db'), { recursive: true })
  const again = await assertRecovers(t, left, written, 'from the log alone')
  t.equal(again.raft.status.nodeId, app.raft.status.nodeId)
  t.equal(again.database.clusterId, app.database.clusterId, 'it is the same node of the same cluster')
})

t.test('A database that is older than the last flush, but not older than the log, is brought up to date', async (t) => {
  const { app, dataDir, copy } = await start(t, small)
  let [old, left, written]: [string, string, string[]] = ['', '', []]
  do {
    await writeUntilCut(app, dataDir)
    old = await copy()
    for (let round = 0; round < 2; round++) await fill(app, round)
    await app.database.flush()
    await fill(app, 2)
    written = await feedOf(app)
    left = await copy()
    // Where the node flushed by itself meanwhile, the log may have been cut behind the old one: then it is too old.
  } while (segments(left)[0] !== segments(old)[0])
  replace(left, 'db', old)
  await assertRecovers(t, left, written, 'from the copy that was made before')
})

t.test('After the log was cut, RocksDB may still lose all that it has not synced', async (t) => {
  const { app, dataDir, copy } = await start(t, small)
  for (let cut = 0; cut < 3; cut++) {
    await writeUntilCut(app, dataDir)
    await fill(app, cut)
    const written = await feedOf(app)
    const left = await copy()
    const { path, bytes } = databaseLog(left)
    truncateSync(join(left, path), 0)
    await assertRecovers(t, left, written, `without the last ${bytes} bytes`)
  }
})
