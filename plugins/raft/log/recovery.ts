import fs from 'node:fs'
import { join } from 'node:path'
import { damaged, LogError } from './errors.ts'
import { listDirectory, segmentFlags, syncDirectory, writeDurably } from './files.ts'
import type { SegmentFile } from './files.ts'
import { decodeHeader, formatVersion, headerBytes, headerSeed } from './header.ts'
import { hardStateOf, recordKinds } from './record.ts'
import type { LogRecord } from './record.ts'
import { scanSegment } from './scan.ts'
import type { Scan } from './scan.ts'
import { Segment } from './segment.ts'
import { Segments } from './segments.ts'
import type { HardState, LogEvent } from './types.ts'

/**
 * Reads the log back from its directory; undefined when it has no segment. Everything is read and checked before
 * anything is changed: a log that is refused stays as it was found. Rejects with LOG_DAMAGED or LOG_FORMAT_NEWER.
 */
export async function recover (directory: string, onEvent: (event: LogEvent) => void): Promise<Segments | undefined> {
  const found = listDirectory(directory)
  const opened: Segment[] = []
  try {
    openFromLastBeginning(directory, found.segments, opened)
    const replayed = replay(opened)
    if (replayed !== undefined) await cutTail(replayed, onEvent)
    const forgotten = found.segments.slice(0, found.segments.length - opened.length).map(({ name }) => name)
    for (const name of [...found.unfinished, ...forgotten]) fs.rmSync(join(directory, name))
    await syncDirectory(directory)
    return replayed?.segments
  } catch (error) {
    for (const segment of opened) segment.retire()
    throw error
  }
}

/** Opens the newest segment and those before it, back to the one with which the log began or was reset. */
function openFromLastBeginning (directory: string, files: SegmentFile[], opened: Segment[]): void {
  for (const file of files.toReversed()) {
    const segment = openSegment(join(directory, file.name), file)
    const next = opened[0]
    opened.unshift(segment)
    if (next !== undefined && next.header.sequence !== segment.header.sequence + 1) {
      throw damaged(segment.file, segment.header.capacity, next.header.before.index,
        `segment ${segment.header.sequence + 1}, which follows this one, is missing`)
    }
    if (segment.header.anew) return
  }
}

function openSegment (file: string, { sequence, firstIndex }: SegmentFile): Segment {
  const fd = fs.openSync(file, segmentFlags)
  try {
    const bytes = Buffer.alloc(headerBytes)
    fs.readSync(fd, bytes, 0, headerBytes, 0)
    const header = decodeHeader(bytes)
    if (header === null) throw damaged(file, 0, firstIndex - 1, 'the header of the segment cannot be read')
    if ('newer' in header) {
      throw new LogError('LOG_FORMAT_NEWER',
        `The Raft log has format ${header.newer}, and this release knows formats up to ${formatVersion}: ${file}. ` +
        'Run the release that wrote it, or a later one.')
    }
    if (header.sequence !== sequence || header.before.index + 1 !== firstIndex) {
      throw damaged(file, 0, firstIndex - 1, 'the header belongs to another segment than the name of the file says')
    }
    return new Segment(file, fd, header, headerSeed(bytes))
  } catch (error) {
    fs.closeSync(fd)
    throw error
  }
}

interface Replayed {
  segments: Segments
  /** Of the last segment. */
  scan: Scan
}

function replay (opened: Segment[]): Replayed | undefined {
  const [first, ...others] = opened
  if (first === undefined) return undefined
  const segments = new Segments(first)
  let scan = replayActive(segments)
  for (const segment of others) {
    checkSealed(segments, scan)
    checkContinues(segments, segment)
    segments.add(segment)
    scan = replayActive(segments)
  }
  return { segments, scan }
}

/** Reads the records of the newest segment so far. */
function replayActive (segments: Segments): Scan {
  const { active: segment, oldest } = segments
  const bytes = Buffer.allocUnsafeSlow(segment.header.capacity)
  // The last batch of a process that was killed may be in the system's memory only: it counts once it is on the disk.
  fs.fdatasyncSync(segment.fd)
  for (let done = 0, read = 0; done < bytes.length; done += read) {
    read = fs.readSync(segment.fd, bytes, done, bytes.length - done, done)
    if (read === 0) throw damaged(segment.file, done, segments.lastIndex, `the file, made with ${bytes.length} bytes, ends here`)
  }

  const scan = scanSegment(bytes, segment.seed, (record: LogRecord, offset: number) => {
    if (record.kind === recordKinds.hardState) {
      segments.hardState = hardStateOf(record)
      return
    }
    const { index } = record
    if (index > segments.lastIndex + 1 || index <= oldest.header.before.index) {
      throw damaged(segment.file, offset, segments.lastIndex, `entry ${index} is there, and those before it are missing`)
    }
    segments.place(index, record.term, offset)
  })
  segment.end = scan.end
  if (scan.witness !== undefined) {
    throw damaged(segment.file, scan.end, segments.lastIndex,
      `a bad record, and at offset ${scan.witness} a good one that was written after it was safe`)
  }
  return scan
}

/** A segment that another follows was whole before that one was made. */
function checkSealed (segments: Segments, scan: Scan): void {
  if (scan.used > scan.end) {
    throw damaged(segments.active.file, scan.end, segments.lastIndex, 'a bad record in a segment that another one follows')
  }
}

function checkContinues (segments: Segments, next: Segment): void {
  const { active, last } = segments
  const { before, previousEnd, hardState } = next.header
  if (previousEnd !== active.end || before.index !== last.index || before.term !== last.term ||
    !sameHardState(hardState, segments.hardState)) {
    throw damaged(active.file, active.end, last.index, `records are missing: ${next.file} goes on after entry ${before.index}`)
  }
}

function sameHardState (a: HardState, b: HardState): boolean {
  return a.term === b.term && a.vote === b.vote && a.commit === b.commit
}

/** Zeroes a torn tail, durably, before anything is appended: so its bytes can never come back to life. */
async function cutTail ({ segments, scan }: Replayed, onEvent: (event: LogEvent) => void): Promise<void> {
  const { active } = segments
  const bytes = scan.used - scan.end
  if (bytes <= 0) return
  await writeDurably(active.fd, Buffer.alloc(bytes), scan.end)
  onEvent({ type: 'tail-cut', file: active.file, offset: scan.end, bytes })
}
