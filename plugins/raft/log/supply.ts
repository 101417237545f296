import fs from 'node:fs'
import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { failed, segmentNotMade } from './errors.ts'
import { segmentFlags, segmentName, syncDirectory, unfinishedName, writeDurably } from './files.ts'
import { encodeHeader, headerBytes, headerSeed } from './header.ts'
import type { SegmentHeader } from './header.ts'
import { Segment } from './segment.ts'
import type { LogEvent } from './types.ts'

const close = promisify(fs.close)
const open = promisify(fs.open)
const fsync = promisify(fs.fsync)
const rename = promisify(fs.rename)

/** Zeros go out in pieces of this size, each durable before the next, so that the log's own writes wait for little. */
const pieceBytes = 1024 * 1024
const zeros = Buffer.alloc(pieceBytes)

/** A file of zeros that is durable in full and can become a segment. */
interface Blank {
  file: string
  fd: number
  capacity: number
}

/**
 * Makes segments. The zeros of the next one are written ahead of time. A segment gets its name only once its header is
 * durable, so a file with a segment's name is whole from the beginning, and any other may be thrown away.
 */
export class SegmentSupply {
  readonly #directory: string
  readonly #segmentBytes: number
  readonly #onEvent: (event: LogEvent) => void
  #spare: Promise<Blank> | undefined
  /** The last attempt to have a spare failed. The next comes when a segment is needed, not after every batch. */
  #spareFailed = false
  #made = 0
  #closed = false

  constructor (directory: string, segmentBytes: number, onEvent: (event: LogEvent) => void) {
    this.#directory = directory
    this.#segmentBytes = segmentBytes
    this.#onEvent = onEvent
  }

  /** Begins to make the next segment in the background, unless that is done or under way. */
  prepare (): void {
    if (this.#spare !== undefined || this.#spareFailed || this.#closed) return
    this.#spare = this.#makeBlank(this.#segmentBytes)
    this.#spare.catch((error: Error) => {
      this.#spare = undefined
      this.#spareFailed = true
      if (!this.#closed) this.#onEvent({ type: 'segment-not-made', error })
    })
  }

  /**
   * A segment with this header, durable, with room for `bytes` in batches. Rejects with LOG_FULL or LOG_NO_SEGMENT
   * when nothing has changed, with LOG_FAILED when it is not known whether the directory has the new file.
   */
  async take (header: Omit<SegmentHeader, 'capacity'>, bytes: number): Promise<Segment> {
    const blank = await this.#blankFor(headerBytes + bytes)
    const full = { ...header, capacity: blank.capacity }
    const encoded = encodeHeader(full)
    const file = join(this.#directory, segmentName(header.sequence, header.before.index + 1))
    try {
      await writeDurably(blank.fd, encoded, 0)
      await rename(blank.file, file)
    } catch (error) {
      await discard(blank)
      throw segmentNotMade(this.#directory, error)
    }
    try {
      await syncDirectory(this.#directory)
    } catch (error) {
      await close(blank.fd).catch(() => {})
      throw failed(file, error)
    }
    this.#onEvent({ type: 'segment-made', file, bytes: blank.capacity })
    return new Segment(file, blank.fd, full, headerSeed(encoded))
  }

  /** Stops preparing and removes what was prepared. */
  async close (): Promise<void> {
    this.#closed = true
    const blank = await this.#spare?.catch(() => undefined)
    if (blank !== undefined) await discard(blank)
  }

  async #blankFor (bytes: number): Promise<Blank> {
    // A request that no segment could hold gets one of its own.
    if (bytes > this.#segmentBytes) return await this.#makeBlank(Math.ceil(bytes / 512) * 512)
    const spare = await this.#spare?.catch(() => undefined)
    this.#spare = undefined
    this.#spareFailed = false
    return spare ?? await this.#makeBlank(this.#segmentBytes)
  }

  async #makeBlank (capacity: number): Promise<Blank> {
    const blank = { file: join(this.#directory, unfinishedName(this.#made++)), fd: -1, capacity }
    try {
      blank.fd = await open(blank.file, segmentFlags | fs.constants.O_CREAT | fs.constants.O_EXCL, 0o600)
      for (let at = 0; at < capacity; at += pieceBytes) {
        if (this.#closed) throw new Error('the log is closing')
        await writeDurably(blank.fd, zeros.subarray(0, Math.min(pieceBytes, capacity - at)), at)
      }
      await fsync(blank.fd)
      return blank
    } catch (error) {
      await discard(blank)
      throw segmentNotMade(this.#directory, error)
    }
  }
}

/** What cannot be removed now goes when the log is opened the next time. */
async function discard (blank: Blank): Promise<void> {
  if (blank.fd !== -1) await close(blank.fd).catch(() => {})
  await unlink(blank.file).catch(() => {})
}
