import { join } from 'node:path'
import { test, type Test } from 'tap'
import { Log, type LogEvent } from '../../plugins/raft/log/index.ts'
import { Solo } from '../../plugins/raft/solo.ts'
import { Database } from '../../storage/database.ts'
import { openRocksStore } from '../../storage/rocksdb.ts'
import type { Outcome } from '../../storage/types.ts'
import { folder } from '../support/node.ts'

test('What is proposed in one turn goes to the log together, and each gets its own outcome', async (t) => {
  const { solo, syncs } = await start(t)
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => record(solo)))
  t.same(revisions(outcomes), Array.from({ length: 50 }, (_, at) => at + 1))
  t.same(syncs.splice(0), [50])
  await record(solo)
  t.same(syncs, [1])
})

test('What is too much for one append goes to the log as several, in its order', async (t) => {
  const { solo } = await start(t)
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => record(solo, 300_000)))
  t.same(revisions(outcomes), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

test('What was proposed in the turn in which the node stops is done, and is there afterwards', async (t) => {
  const { solo, directory, close } = await start(t)
  const proposed = Promise.all([record(solo), record(solo)])
  await close()
  t.same(revisions(await proposed), [1, 2])
  const again = await Database.open(await openRocksStore(join(directory, 'db')))
  t.equal(again.revision, 2)
  await again.close()
})

interface Started {
  solo: Solo
  directory: string
  /** How many entries each write to the log held. */
  syncs: number[]
  close: () => Promise<void>
}

async function start (t: Test): Promise<Started> {
  const directory = folder(t)
  const database = await Database.open(await openRocksStore(join(directory, 'db')))
  const syncs: number[] = []
  const onEvent = (event: LogEvent): void => { if (event.type === 'sync') syncs.push(event.entries) }
  const log = await Log.open({ directory: join(directory, 'log'), segmentBytes: 16 * 1024 * 1024, onEvent })
  const solo = await Solo.start({
    nodeId: '0123456789abcdef',
    database,
    log,
    writesPendingMax: 1000,
    writeTimeoutSeconds: 10,
    idempotencySeconds: 60,
    flushLogBytes: 1024 * 1024 * 1024,
    onFailure: (error) => t.fail(error.message),
  })
  syncs.length = 0
  let isClosed = false
  const close = async (): Promise<void> => {
    if (isClosed) return
    isClosed = true
    await solo.close()
    await database.close()
  }
  t.teardown(close)
  return { solo, directory, syncs, close }
}

function revisions (outcomes: Outcome[]): unknown[] {
  return outcomes.map((outcome) => outcome.ok && outcome.written[0]!.revision)
}

function record (solo: Solo, bytes = 1): Promise<Outcome> {
  return solo.propose({ kind: 'write', compare: [], then: [{ type: 'put', data: Buffer.from(`"${'x'.repeat(bytes)}"`) }] })
}
