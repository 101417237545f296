import t from 'tap'
import { appendFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { crc32c } from '@node-rs/crc32'
import { Log, LogError } from '../../../plugins/raft/log/index.ts'
import type { AppendRequest } from '../../../plugins/raft/log/index.ts'
import { entriesOf, entry, folder, openLog, segmentFiles, stateOf } from './helpers.ts'

const segmentBytes = 1024
const headerBytes = 128
const recordBytes = 72
const never = Buffer.alloc(0)

/** A log of several segments, what its files hold, and the states that a crash in its last batch could leave. */
interface Sample {
  directory: string
  files: { path: string, bytes: Buffer }[]
  /** In the last segment: where the last batch starts. */
  lastBatch: number
  /** As text: without the last batch, with its first record, ... with all of it. */
  states: string[]
}

async function makeSample (t: Test, where: 'memory' | 'disk' = 'memory'): Promise<Sample> {
  const directory = folder(t, where)
  const { log } = await openLog(t, directory, { segmentBytes })
  const requests: AppendRequest[] = []
  for (let i = 1; i <= 18; i++) requests.push({ entries: [entry(i)] })
  requests.push({ hardState: { term: 2, vote: '00000000000000ab', commit: 9 }, entries: entriesOf(11, 13, 2) })
  for (let i = 14; i <= 17; i++) requests.push({ entries: [entry(i, 2)] })
  for (let i = 18; i <= 20; i++) {
    requests.push({ hardState: { term: 2, vote: null, commit: i - 1 }, entries: [entry(i, 2)] })
  }
  for (const request of requests) await log.append(request)
  const states = [JSON.stringify(await stateOf(log))]
  const lastBatch = endOf(readFileSync(segmentFiles(directory).at(-1) ?? ''))

  const last: AppendRequest = { hardState: { term: 3, vote: '00000000000000cd', commit: 19 }, entries: entriesOf(21, 23, 3) }
  // What a crash may leave of the last batch: its records one after the other, the hard state first.
  const { log: model } = await openLog(t, folder(t, where))
  for (const request of [...requests, { hardState: last.hardState, entries: [] }, ...last.entries]) {
    await model.append('entries' in request ? request as AppendRequest : { entries: [request] })
    if (model.hardState.term === 3) states.push(JSON.stringify(await stateOf(model)))
  }
  await log.append(last)
  await log.close()
  const files = segmentFiles(directory).map((path) => ({ path, bytes: readFileSync(path) }))
  const end = endOf(files.at(-1)?.bytes ?? never)
  if (files.length < 3 || lastBatch < headerBytes + 3 * recordBytes || end < lastBatch + 250) {
    throw new Error('the last batch should follow others in its segment, and that segment others')
  }
  return { directory, files, lastBatch, states }
}

type Test = Parameters<typeof openLog>[0]

/** Where the used part ends; all records here are made so that their last bytes are not zero. */
function endOf (bytes: Buffer): number {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  return Math.ceil(end / 8) * 8
}

/** Opens the log and tells which of the states it has, or the code of the error. Puts the files back as they were. */
async function tryOpen (sample: Sample): Promise<string> {
  const before = sample.files.map(({ path }) => readFileSync(path))
  try {
    const log = await Log.open({ directory: sample.directory, segmentBytes })
    const state = JSON.stringify(await stateOf(log))
    await log.close()
    return `state ${sample.states.indexOf(state)}`
  } catch (error) {
    if (!(error instanceof LogError)) throw error
    const unchanged = sample.files.every(({ path }, i) => before[i]?.equals(readFileSync(path)))
    return unchanged ? error.code : 'changed what it refused'
  } finally {
    for (const { path, bytes } of sample.files) writeFileSync(path, bytes)
  }
}

const whole = 'state 4'

/** The state that must come of it when bytes of the last segment from `at` on are bad, `at` being in the last batch. */
function stateCutAt (sample: Sample, at: number): string {
  if (at < sample.lastBatch + 40) return 'state 0'
  return `state ${Math.min(4, 1 + Math.floor((at - sample.lastBatch - 40) / recordBytes))}`
}

t.test('a changed byte anywhere is cut off with the last batch or refused', async (t) => {
  const sample = await makeSample(t)
  const last = sample.files.at(-1)?.path
  const wrong: string[] = []
  t.equal(await tryOpen(sample), whole, 'the untouched log is whole')

  for (const { path, bytes } of sample.files) {
    for (let at = 0; at < bytes.length; at++) {
      for (const change of [0x01, 0xff]) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ change
        writeFileSync(path, changed)
        const inTail = path === last && at >= sample.lastBatch
        const result = await tryOpen(sample)
        if (result !== (inTail ? stateCutAt(sample, at) : 'LOG_DAMAGED')) {
          wrong.push(`${basename(path)} ${at} xor ${change}: ${result}`)
        }
      }
    }
  }
  t.strictSame(wrong.slice(0, 10), [])
})

t.test('zeros written over any part are cut off with the last batch or refused', async (t) => {
  const sample = await makeSample(t)
  const wrong: string[] = []
  for (const { path, bytes } of sample.files) {
    for (let at = 0; at < bytes.length; at += 4) {
      const changed = Buffer.from(bytes).fill(0, at, Math.min(at + 64, bytes.length))
      if (changed.equals(bytes)) continue
      writeFileSync(path, changed)
      const inTail = path === sample.files.at(-1)?.path && at >= sample.lastBatch
      const result = await tryOpen(sample)
      if (result !== (inTail ? stateCutAt(sample, at) : 'LOG_DAMAGED')) wrong.push(`${path} ${at}: ${result}`)
    }
  }
  t.strictSame(wrong.slice(0, 10), [])
})

t.test('a file that lost its end is refused, wherever it was cut', async (t) => {
  const sample = await makeSample(t)
  const wrong: string[] = []
  for (const { path, bytes } of sample.files) {
    for (let length = 0; length < bytes.length; length++) {
      truncateSync(path, length)
      const result = await tryOpen(sample)
      if (result !== 'LOG_DAMAGED') wrong.push(`${path} cut to ${length}: ${result}`)
    }
  }
  t.strictSame(wrong.slice(0, 10), [])
})

t.test('rubbish after the records is cut off in the last segment and refused in earlier ones', async (t) => {
  const sample = await makeSample(t)
  const rubbish = Buffer.from(Array.from({ length: segmentBytes }, (_, i) => (i * 37 + 11) % 256))
  const wrong: string[] = []
  for (const { path, bytes } of sample.files) {
    const last = path === sample.files.at(-1)?.path
    for (let at = last ? sample.lastBatch : headerBytes; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      rubbish.copy(changed, at)
      writeFileSync(path, changed)
      const result = await tryOpen(sample)
      if (result !== (last ? stateCutAt(sample, at) : 'LOG_DAMAGED')) wrong.push(`${path} ${at}: ${result}`)
    }
    appendFileSync(path, rubbish)
    t.equal(await tryOpen(sample), whole, 'bytes after the end of the file are not looked at')
  }
  t.strictSame(wrong.slice(0, 10), [])
})

t.test('the error of damage names the file, the offset, the entry and the remedy', async (t) => {
  const sample = await makeSample(t, 'disk')
  const { path, bytes } = sample.files[1] ?? { path: '', bytes: never }
  const changed = Buffer.from(bytes)
  changed[headerBytes + recordBytes + 20] = 99
  writeFileSync(path, changed)
  await t.rejects(openLog(t, sample.directory), {
    code: 'LOG_DAMAGED',
    message: new RegExp(`${path}, offset ${headerBytes + recordBytes}: .*last good entry before it is 1[0-9];.* would be lost.*` +
      'Restore the node from a backup.*remove its data folder and let it join again under a new id'),
  })
})

t.test('a missing segment is refused, in the middle and before one that needs it', async (t) => {
  const sample = await makeSample(t, 'disk')
  const [first, second, third] = sample.files.map(({ path }) => path)
  if (first === undefined || second === undefined || third === undefined) throw new Error('too few segments')
  rmSync(second)
  t.equal(await Log.open({ directory: sample.directory, segmentBytes }).catch((error) => error.code), 'LOG_DAMAGED')
  for (const { path, bytes } of sample.files) writeFileSync(path, bytes)
  // The second segment replaces entry 11, which the first one holds, so it cannot stand without it.
  rmSync(first)
  t.equal(await Log.open({ directory: sample.directory, segmentBytes }).catch((error) => error.code), 'LOG_DAMAGED')
})

t.test('a batch that is missing before the next segment is noticed even when it changed nothing', async (t) => {
  const directory = folder(t)
  const { log } = await openLog(t, directory, { segmentBytes })
  const hardState = { term: 1, vote: null, commit: 0 }
  const entries = entriesOf(1, 10)
  await log.append({ hardState, entries })
  await log.append({ hardState, entries: [] })
  await log.append({ entries: entriesOf(11, 12) })
  await log.close()
  const [first, ...others] = segmentFiles(directory)
  t.equal(others.length, 1)
  const bytes = readFileSync(first ?? '')
  const end = headerBytes + 32 + 10 * recordBytes
  writeFileSync(first ?? '', bytes.fill(0, end, end + 32))
  await t.rejects(openLog(t, directory), { code: 'LOG_DAMAGED', message: /records are missing/ })
})

t.test('a segment of another log, or under another name, is refused', async (t) => {
  const sample = await makeSample(t, 'disk')
  const other = await makeSample(t, 'disk')
  const path = sample.files.at(-1)?.path ?? ''
  const penultimate = sample.files.at(-2)?.path ?? ''
  writeFileSync(path, other.files.at(-2)?.bytes ?? '')
  t.equal(await tryOpen(sample), 'LOG_DAMAGED')
  const body = Buffer.concat([sample.files.at(-2)?.bytes.subarray(0, headerBytes) ?? never,
    other.files.at(-2)?.bytes.subarray(headerBytes) ?? never])
  writeFileSync(penultimate, body)
  t.equal(await tryOpen(sample), 'LOG_DAMAGED', 'the same records, but under the header of another file')
  renameSync(path, path.replace(/.{16}\.log$/, '00000000000000ff.log'))
  t.equal(await Log.open({ directory: sample.directory, segmentBytes }).catch((error) => error.code), 'LOG_DAMAGED')
})

t.test('a newer format is refused with what to do', async (t) => {
  const sample = await makeSample(t, 'disk')
  const { path, bytes } = sample.files.at(-1) ?? { path: '', bytes: never }
  const newer = Buffer.from(bytes)
  newer.writeUInt32LE(2, 8)
  newer.writeUInt32LE(crc32c(newer.subarray(16, headerBytes), crc32c(newer.subarray(0, 12))), 12)
  writeFileSync(path, newer)
  await t.rejects(openLog(t, sample.directory), { code: 'LOG_FORMAT_NEWER', message: /format 2.*Run the release/ })
})

t.test('bytes that rot while the log is open are found by their checksum when they are read', async (t) => {
  const directory = folder(t)
  const { log } = await openLog(t, directory, { cacheBytes: 0 })
  await log.append({ entries: entriesOf(1, 10) })
  const path = segmentFiles(directory)[0] ?? ''
  const bytes = readFileSync(path)
  bytes[headerBytes + 4 * recordBytes + 50] = 1
  writeFileSync(path, bytes)
  await t.rejects(log.entries(1, 11, Infinity), { code: 'LOG_DAMAGED', message: /last good entry before it is 4;/ })
  t.equal((await log.entries(1, 5, Infinity)).length, 4)
})
