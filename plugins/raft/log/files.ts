import fs from 'node:fs'
import { promisify } from 'node:util'

export { makeDirectory, syncDirectory } from '../../../storage/directory.ts'

const write = promisify(fs.write)
const fdatasync = promisify(fs.fdatasync)

/**
 * On Linux every write goes through a descriptor that is opened with O_DSYNC: a write is then durable when it returns
 * (open(2)), at the cost of one trip to the thread pool instead of two. Elsewhere fdatasync follows the write; on macOS
 * Node turns that into F_FULLFSYNC, which O_DSYNC there is not.
 */
const writesAreDurable = process.platform === 'linux'

export const segmentFlags = fs.constants.O_RDWR | (writesAreDurable ? fs.constants.O_DSYNC : 0)

/** Writes all the bytes at `position` and resolves when they will survive a loss of power. */
export async function writeDurably (fd: number, bytes: Buffer, position: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await write(fd, bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
  if (!writesAreDurable) await fdatasync(fd)
}

/** Sequence and first index, so that a listing sorts by age and tells a person what is where. */
export function segmentName (sequence: number, firstIndex: number): string {
  return `${hex(sequence)}-${hex(firstIndex)}.log`
}

/** A segment that is still being made has another name, so that what a crash leaves of it is known for what it is. */
export function unfinishedName (number: number): string {
  return `unfinished-${number}.tmp`
}

export interface SegmentFile {
  name: string
  sequence: number
  firstIndex: number
}

/** The segments in the directory, oldest first, and what was left of unfinished ones. Other files are ignored. */
export function listDirectory (directory: string): { segments: SegmentFile[], unfinished: string[] } {
  const names = fs.readdirSync(directory)
  const segments: SegmentFile[] = []
  for (const name of names) {
    const match = /^([0-9a-f]{16})-([0-9a-f]{16})\.log$/.exec(name)
    if (match === null) continue
    segments.push({ name, sequence: parseInt(match[1] ?? '', 16), firstIndex: parseInt(match[2] ?? '', 16) })
  }
  segments.sort((a, b) => a.sequence - b.sequence)
  return { segments, unfinished: names.filter((name) => /^unfinished-[0-9]+\.tmp$/.test(name)) }
}

function hex (value: number): string {
  return value.toString(16).padStart(16, '0')
}
