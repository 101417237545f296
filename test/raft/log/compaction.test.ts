import t from 'tap'
import { copyFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { entriesOf, entry, folder, openLog, readAll, segmentFiles, stateOf, textOf } from './helpers.ts'
import type { Opened } from './helpers.ts'

const segmentBytes = 1024

async function fill ({ log }: Opened, from: number, to: number): Promise<void> {
  for (const entry of entriesOf(from, to)) await log.append({ entries: [entry] })
}

t.test('compaction removes whole segments, oldest first, and never what is still needed', async (t) => {
  const directory = folder(t)
  const opened = await openLog(t, directory, { segmentBytes })
  await opened.log.append({ hardState: { term: 1, vote: '0123456789abcdef', commit: 0 }, entries: [] })
  await fill(opened, 1, 100)
  const files = segmentFiles(directory).length
  await opened.log.compact(60)
  const { log } = opened
  t.ok(log.firstIndex > 40 && log.firstIndex <= 61)
  t.equal(opened.count('segment-removed'), files - segmentFiles(directory).length)
  t.ok(opened.count('segment-removed') > 3)
  t.strictSame(log.compacted, { index: log.firstIndex - 1, term: 1 })
  t.equal(log.termOf(log.firstIndex - 1), 1)
  t.equal(log.termOf(log.firstIndex - 2), undefined)
  await t.rejects(log.entries(log.firstIndex - 1, 100, 100), { code: 'LOG_COMPACTED' })
  await t.rejects(log.append({ entries: [entry(log.firstIndex - 1)] }), { code: 'LOG_COMPACTED' })
  const before = await stateOf(log)
  t.strictSame(before.entries, entriesOf(log.firstIndex, 100).map(textOf))
  await log.close()

  const again = await openLog(t, directory, { segmentBytes })
  t.strictSame(await stateOf(again.log), { ...before, hardState: { term: 1, vote: '0123456789abcdef', commit: log.firstIndex - 1 } },
    'the hard state outlives the segment that it was written to, and what was compacted counts as committed')
  await fill(again, 101, 120)
})

t.test('compaction beyond what is durable stops there', async (t) => {
  const opened = await openLog(t, folder(t), { segmentBytes })
  await fill(opened, 1, 30)
  await opened.log.compact(1_000_000)
  t.ok(opened.log.firstIndex <= 31)
  t.equal(opened.log.lastIndex, 30)
})

t.test('a segment whose beginning was replaced later does not become the oldest', async (t) => {
  const directory = folder(t)
  const opened = await openLog(t, directory, { segmentBytes, cacheBytes: 0 })
  const { log } = opened
  await fill(opened, 1, 40)
  // They fit into the last segment. The second one still says that entry 11 is of term 1.
  await log.append({ entries: entriesOf(6, 14, 2, 0) })
  await log.compact(12)
  t.equal(log.firstIndex, 1)
  const expected = [...entriesOf(1, 5), ...entriesOf(6, 14, 2, 0)].map(textOf)
  t.strictSame((await readAll(log)).map(textOf), expected)
  await log.close()
  const again = await openLog(t, directory, { segmentBytes })
  t.strictSame((await readAll(again.log)).map(textOf), expected)
  for (const entry of entriesOf(15, 80, 2)) await again.log.append({ entries: [entry] })
  await again.log.compact(80)
  t.ok(again.log.firstIndex > 60, 'and later segments can')
})

t.test('a reset empties the log, which goes on after the position with its hard state', async (t) => {
  const directory = folder(t)
  const opened = await openLog(t, directory, { segmentBytes })
  const { log } = opened
  await fill(opened, 1, 50)
  const hardState = { term: 7, vote: '00000000000000aa', commit: 50 }
  const appended = log.append({ hardState, entries: entriesOf(51, 52) })
  const done = log.reset(1000, 7)
  t.match({ first: log.firstIndex, last: log.lastIndex, durable: log.durableIndex }, { first: 1001, last: 1000 })
  t.equal(log.termOf(1000), 7)
  t.equal(log.termOf(999), undefined)
  const after = log.append({ entries: entriesOf(1001, 1002, 7) })
  const compacted = log.compact(1000)
  await Promise.all([appended, done, after, compacted])
  t.strictSame(log.compacted, { index: 1000, term: 7 })
  t.equal(log.durableIndex, 1002)
  await log.close()
  t.equal(segmentFiles(directory).length, 1)

  const { log: again } = await openLog(t, directory, { segmentBytes })
  t.strictSame(await stateOf(again), {
    compacted: { index: 1000, term: 7 },
    hardState: { ...hardState, commit: 1000 },
    entries: entriesOf(1001, 1002, 7).map(textOf),
  })
  await again.reset(10, 8)
  t.equal(again.lastIndex, 10, 'also backwards')
})

t.test('a crash before a reset removed the old segments leaves the log that was reset', async (t) => {
  const directory = folder(t)
  const kept = folder(t)
  const opened = await openLog(t, directory, { segmentBytes })
  await fill(opened, 1, 50)
  for (const file of segmentFiles(directory)) copyFileSync(file, `${kept}/${basename(file)}`)
  await opened.log.reset(60, 3)
  await opened.log.append({ entries: [entry(61, 3)] })
  await opened.log.close()
  for (const file of segmentFiles(kept).slice(2)) copyFileSync(file, `${directory}/${basename(file)}`)
  // What is forgotten is not even read.
  writeFileSync(segmentFiles(directory)[0] ?? '', 'x')

  const again = await openLog(t, directory, { segmentBytes })
  t.match(await stateOf(again.log), { compacted: { index: 60, term: 3 }, entries: [textOf(entry(61, 3))] })
  t.equal(segmentFiles(directory).length, 1)
})

t.test('what a crash left of a segment in the making is thrown away, other files stay', async (t) => {
  const directory = folder(t)
  const opened = await openLog(t, directory, { segmentBytes })
  await fill(opened, 1, 20)
  await opened.log.close()
  writeFileSync(`${directory}/unfinished-0.tmp`, '')
  writeFileSync(`${directory}/unfinished-1.tmp`, Buffer.alloc(500))
  copyFileSync(segmentFiles(directory)[0] ?? '', `${directory}/unfinished-12.tmp`)
  writeFileSync(`${directory}/README`, 'not ours')
  const again = await openLog(t, directory, { segmentBytes })
  t.equal(again.log.lastIndex, 20)
  await fill(again, 21, 60)
  await again.log.close()
  t.strictSame(readdirSync(directory).filter((name) => !name.endsWith('.log')), ['README'])
})

t.test('a crash while the very first segment is made leaves a log that opens empty', async (t) => {
  const directory = folder(t)
  writeFileSync(`${directory}/unfinished-0.tmp`, Buffer.alloc(700))
  const { log } = await openLog(t, directory)
  t.equal(log.lastIndex, 0)
})
