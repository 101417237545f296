import t from 'tap'
import { readFileSync, writeFileSync } from 'node:fs'
import type { AppendRequest } from '../../../plugins/raft/log/index.ts'
import { Log } from '../../../plugins/raft/log/index.ts'
import { entriesOf, entry, folder, openLog, readAll, segmentFiles, stateOf, textOf } from './helpers.ts'

const sectorBytes = 512
const segmentBytes = 16_384

/** Where the sectors start in which two versions of a file differ. */
function changedSectors (before: Buffer, after: Buffer): number[] {
  const sectors: number[] = []
  for (let at = 0; at < after.length; at += sectorBytes) {
    if (before.compare(after, at, at + sectorBytes, at, at + sectorBytes) !== 0) sectors.push(at)
  }
  return sectors
}

t.test('whichever sectors of the last batch reached the disk, the log opens with all before it', async (t) => {
  const directory = folder(t, 'memory')
  const { log } = await openLog(t, directory, { segmentBytes })
  await log.append({ hardState: { term: 1, vote: '00000000000000ab', commit: 0 }, entries: entriesOf(1, 3) })
  await log.append({ entries: entriesOf(4, 10) })
  const path = segmentFiles(directory)[0] ?? ''
  const before = readFileSync(path)
  const kept = await stateOf(log)
  // Replaces entries too, so that what is lost shows in both ways.
  const last: AppendRequest = {
    hardState: { term: 2, vote: null, commit: 4 },
    entries: [...entriesOf(8, 20, 2, 150), entry(21, 2, 1000), ...entriesOf(22, 24, 2)],
  }
  await log.append(last)
  await log.close()
  const after = readFileSync(path)
  const sectors = changedSectors(before, after)
  t.ok(sectors.length >= 7 && sectors.length <= 10)

  const seen = new Set<number>()
  for (let subset = 0; subset < 2 ** sectors.length; subset++) {
    const image = Buffer.from(before)
    for (const [i, at] of sectors.entries()) {
      if ((subset >> i) % 2 === 1) after.copy(image, at, at, at + sectorBytes)
    }
    writeFileSync(path, image)
    const torn = await Log.open({ directory, segmentBytes })
    const entries = (await readAll(torn)).map(textOf)
    const count = torn.lastIndex >= 8 && torn.termOf(8) === 2 ? torn.lastIndex - 7 : 0
    const replacing = last.entries.slice(0, count).map(textOf)
    const expected = count === 0 ? kept.entries : [...kept.entries.slice(0, 7), ...replacing]
    const hasState = torn.hardState.term === 2
    const wrong = JSON.stringify(entries) !== JSON.stringify(expected) || (count > 0 && !hasState)
    if (wrong) t.fail(`subset ${subset}`)
    seen.add(hasState ? count + 1 : 0)

    // What was cut off stays away when the log goes on over its place.
    const next = entry(torn.lastIndex + 1, 3, subset % 200)
    await torn.append({ entries: [next] })
    await torn.close()
    const again = await Log.open({ directory, segmentBytes })
    if (JSON.stringify((await readAll(again)).map(textOf)) !== JSON.stringify([...expected, textOf(next)])) {
      t.fail(`subset ${subset}, opened again`)
    }
    await again.close()
  }
  t.ok(seen.has(0) && seen.has(last.entries.length + 1) && seen.size > 5, 'from nothing of it to all of it')
})

t.test('a torn first batch of a segment is cut, too', async (t) => {
  const directory = folder(t)
  const { log } = await openLog(t, directory, { segmentBytes: 4096 })
  await log.append({ entries: entriesOf(1, 40) })
  await log.append({ entries: entriesOf(41, 60) })
  await log.close()
  const [, second] = segmentFiles(directory)
  const bytes = readFileSync(second ?? '')
  bytes.fill(0, 128, 512)
  writeFileSync(second ?? '', bytes)
  const { log: again, events } = await openLog(t, directory, { segmentBytes: 4096 })
  t.equal(again.lastIndex, 40)
  t.match(events, [{ type: 'tail-cut', file: second, offset: 128 }])
  t.equal(readFileSync(second ?? '').findLastIndex((byte) => byte !== 0) < 128, true, 'the tail is zeroed')
})

t.test('records that somebody stored as data do not pass for the log\'s own', async (t) => {
  const directory = folder(t)
  const { log } = await openLog(t, directory, { segmentBytes: 65_536 })
  await log.append({ entries: entriesOf(1, 3) })
  await log.append({ entries: entriesOf(4, 6) })
  const path = segmentFiles(directory)[0] ?? ''
  const own = readFileSync(path).subarray(0, 1000)
  await log.append({ entries: [{ ...entry(7), data: Buffer.concat([own, own]) }, { ...entry(8), data: own }] })
  await log.close()
  const bytes = readFileSync(path)
  const torn = 128 + 6 * 72
  bytes.fill(0, torn, torn + 40)
  writeFileSync(path, bytes)
  const { log: again, count } = await openLog(t, directory, { segmentBytes: 65_536 })
  t.equal(again.lastIndex, 6)
  t.equal(count('tail-cut'), 1)
})

t.test('a commit index beyond a torn tail is brought back to the last entry, and later segments agree', async (t) => {
  const directory = folder(t)
  const { log } = await openLog(t, directory, { segmentBytes: 1024 })
  await log.append({ entries: entriesOf(1, 3) })
  await log.append({ hardState: { term: 1, vote: null, commit: 5 }, entries: entriesOf(4, 5) })
  await log.close()
  const path = segmentFiles(directory)[0] ?? ''
  const bytes = readFileSync(path)
  bytes.fill(0, 128 + 3 * 72 + 32 + 72, 512)
  writeFileSync(path, bytes)
  const { log: again } = await openLog(t, directory, { segmentBytes: 1024 })
  t.equal(again.lastIndex, 4)
  t.strictSame(again.hardState, { term: 1, vote: null, commit: 4 })
  for (const entry of entriesOf(5, 40)) await again.append({ entries: [entry] })
  await again.close()
  const { log: third } = await openLog(t, directory, { segmentBytes: 1024 })
  t.equal(third.lastIndex, 40)
})
