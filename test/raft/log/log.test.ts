import t from 'tap'
import { entriesOf, entry, folder, openLog, readAll, stateOf, textOf, until } from './helpers.ts'
import type { LogEntry } from '../../../plugins/raft/log/index.ts'

t.test('a new log is empty and has no vote', async (t) => {
  const { log } = await openLog(t, `${folder(t)}/a/b`)
  t.match({ first: log.firstIndex, last: log.lastIndex, durable: log.durableIndex }, { first: 1, last: 0, durable: 0 })
  t.strictSame(log.hardState, { term: 0, vote: null, commit: 0 })
  t.strictSame(log.compacted, { index: 0, term: 0 })
  t.equal(log.termOf(0), 0)
  t.equal(log.termOf(1), undefined)
  t.strictSame(await log.entries(1, 1, 1000), [])
})

t.test('what was appended is there again after closing and opening', async (t) => {
  const directory = folder(t)
  const { log } = await openLog(t, directory)
  await log.append({ hardState: { term: 1, vote: '00ff00ff00ff00ff', commit: 0 }, entries: entriesOf(1, 3) })
  await log.append({ entries: [{ index: 4, term: 2 ** 40, type: 255, data: Buffer.alloc(0) }] })
  await log.append({ hardState: { term: 2 ** 40, vote: null, commit: 2 }, entries: [] })
  const before = await stateOf(log)
  await log.close()

  const { log: again } = await openLog(t, directory)
  t.strictSame(await stateOf(again), before)
  t.strictSame(again.hardState, { term: 2 ** 40, vote: null, commit: 2 })
  t.equal(again.durableIndex, 4)
  t.equal(again.termOf(4), 2 ** 40)
  t.equal(again.termOf(5), undefined)
})

t.test('entries show at once, and durableIndex follows when they are durable', async (t) => {
  const { log } = await openLog(t, folder(t))
  const appended = log.append({ entries: entriesOf(1, 5) })
  t.equal(log.lastIndex, 5)
  t.equal(log.termOf(5), 1)
  t.equal((await log.entries(1, 6, 1000)).length, 5)
  t.equal(log.durableIndex, 0)
  await appended
  t.equal(log.durableIndex, 5)
})

t.test('appends of one turn go out in one write, and those during a write in the next', async (t) => {
  const { log, count } = await openLog(t, folder(t))
  const first = entriesOf(1, 20).map((entry) => log.append({ entries: [entry] }))
  const second: Promise<void>[] = []
  // The next turn: the first write is under way.
  await new Promise<void>((resolve) => { setImmediate(resolve) })
  for (const entry of entriesOf(21, 40)) second.push(log.append({ entries: [entry] }))
  await Promise.all([...first, ...second])
  t.equal(count('sync'), 2)
  t.equal(log.durableIndex, 40)
})

t.test('an entry that is there already is replaced with all after it, also after opening again', async (t) => {
  const directory = folder(t)
  const { log } = await openLog(t, directory, { segmentBytes: 1024, cacheBytes: 0 })
  for (const entry of entriesOf(1, 40)) await log.append({ entries: [entry] })
  const replaced = log.append({ entries: entriesOf(5, 7, 2) })
  t.equal(log.lastIndex, 7)
  t.equal(log.durableIndex, 4, 'what replaces is not durable yet')
  t.equal(log.termOf(5), 2)
  t.equal(log.termOf(8), undefined)
  await replaced
  t.equal(log.durableIndex, 7)
  const expected = [...entriesOf(1, 4), ...entriesOf(5, 7, 2)].map(textOf)
  t.strictSame((await readAll(log)).map(textOf), expected)
  await log.close()

  const { log: again } = await openLog(t, directory, { segmentBytes: 1024 })
  t.strictSame((await readAll(again)).map(textOf), expected)
})

t.test('entries that are replaced while they are written do not become durable', async (t) => {
  const { log } = await openLog(t, folder(t))
  const first = log.append({ entries: entriesOf(1, 10) })
  await new Promise<void>((resolve) => { setImmediate(resolve) })
  const second = log.append({ entries: entriesOf(4, 5, 2) })
  await first
  t.equal(log.durableIndex, 3)
  await second
  t.equal(log.durableIndex, 5)
})

t.test('a gap, a broken sequence and nonsense are refused and change nothing', async (t) => {
  const { log } = await openLog(t, folder(t))
  await log.append({ entries: entriesOf(1, 3) })
  await t.rejects(log.append({ entries: [entry(5)] }), { code: 'LOG_GAP' })
  await t.rejects(log.append({ entries: [entry(4), entry(6)] }), { code: 'LOG_GAP' })
  await t.rejects(log.append({ entries: [entry(0)] }), { code: 'LOG_COMPACTED' })
  await t.rejects(log.append({ entries: [{ ...entry(4), term: 1.5 }] }), RangeError)
  await t.rejects(log.append({ entries: [{ ...entry(4), type: 256 }] }), RangeError)
  await t.rejects(log.append({ hardState: { term: -1, vote: null, commit: 0 }, entries: [] }), RangeError)
  await t.rejects(log.append({ hardState: { term: 1, vote: 'me', commit: 0 }, entries: [] }), TypeError)
  await t.rejects(log.entries(0, 2, 100), { code: 'LOG_COMPACTED' })
  await t.rejects(log.entries(1, 5, 100), RangeError)
  t.equal(log.lastIndex, 3)
  await t.rejects(openLog(t, folder(t), { segmentBytes: 100 }), RangeError)
})

t.test('a read gives at least one entry and no more bytes than asked, from memory and from disk', async (t) => {
  for (const cacheBytes of [0, 2000, 1_000_000]) {
    const { log } = await openLog(t, folder(t), { cacheBytes, segmentBytes: 8192 })
    await log.append({ entries: entriesOf(1, 100, 1, 100) })
    t.equal((await log.entries(10, 90, 1)).length, 1)
    t.equal((await log.entries(10, 90, 1000)).length, 10)
    t.equal((await log.entries(10, 90, 1099)).length, 10)
    t.strictSame((await log.entries(10, 101, Infinity)).map(textOf), entriesOf(10, 100, 1, 100).map(textOf))
  }
})

t.test('an entry larger than a segment has a segment of its own', async (t) => {
  const directory = folder(t)
  const { log } = await openLog(t, directory, { cacheBytes: 0 })
  const sizes = [10, 5000, 10, 1_500_000, 3900, 3920, 4096, 10]
  for (const [i, size] of sizes.entries()) await log.append({ entries: [entry(i + 1, 1, size)] })
  const expected = sizes.map((size, i) => textOf(entry(i + 1, 1, size)))
  t.strictSame((await readAll(log)).map(textOf), expected)
  await log.close()
  const { log: again } = await openLog(t, directory)
  t.strictSame((await readAll(again)).map(textOf), expected)
  await again.append({ entries: [entry(sizes.length + 1)] })
})

t.test('a read that waits for the disk while its entries go gives what it has', async (t) => {
  const { log } = await openLog(t, folder(t), { segmentBytes: 1024, cacheBytes: 0 })
  for (const entry of entriesOf(1, 60)) await log.append({ entries: [entry] })
  const reading = log.entries(1, 61, Infinity)
  const [read] = await Promise.all([reading, log.append({ entries: entriesOf(3, 3, 2) }), log.compact(59)])
  t.ok(read.length >= 1 && read.length < 60)
  t.strictSame(read.map(textOf), entriesOf(1, read.length).map(textOf))
  t.equal(log.termOf(3), 2)
})

t.test('the next segment is prepared before it is needed, and goes when the log is closed', async (t) => {
  const directory = folder(t)
  const { readdirSync, statSync } = await import('node:fs')
  const { log } = await openLog(t, directory)
  await log.append({ entries: entriesOf(1, 40) })
  const spare = () => readdirSync(directory).filter((name) => name.endsWith('.tmp'))
  await until(() => spare().some((name) => statSync(`${directory}/${name}`).size === 4096), 'the spare segment')
  await log.close()
  t.strictSame(spare(), [])
})

t.test('closing waits for what was appended, and nothing can be appended after it', async (t) => {
  const directory = folder(t)
  const { log } = await openLog(t, directory)
  const appended: Promise<void>[] = entriesOf(1, 200).map((entry: LogEntry) => log.append({ entries: [entry] }))
  await log.close()
  await Promise.all(appended)
  await t.rejects(log.append({ entries: [entry(201)] }), { code: 'LOG_CLOSED' })
  await t.rejects(log.compact(1), { code: 'LOG_CLOSED' })
  await log.close()
  const { log: again } = await openLog(t, directory)
  t.equal(again.lastIndex, 200)
})
