import fs from 'node:fs'
import { promisify } from 'node:util'
import { damaged } from './errors.ts'
import { headerBytes } from './header.ts'
import type { SegmentHeader } from './header.ts'
import { Positions } from './positions.ts'
import { readRecord, recordBytes, recordHeaderBytes, recordKinds } from './record.ts'
import type { LogEntry } from './types.ts'

const read = promisify(fs.read)

/** A read asks for at least this much: a smaller one costs the same. */
const readBytesMin = 4096

/** One file of the log, open, and where the entries are in it. */
export class Segment {
  readonly file: string
  readonly fd: number
  readonly header: SegmentHeader
  /** From which the checksums of its records continue. */
  readonly seed: number
  readonly positions = new Positions()
  /** Where the next batch goes. */
  end = headerBytes
  /** The lowest index of any entry that was ever written here, replaced or not. */
  lowestIndex = Infinity
  #readers = 0
  #retired = false

  constructor (file: string, fd: number, header: SegmentHeader, seed: number) {
    this.file = file
    this.fd = fd
    this.header = header
    this.seed = seed
  }

  /** The bytes that are left for batches. */
  get room (): number {
    return this.header.capacity - this.end
  }

  place (index: number, term: number, offset: number): void {
    this.positions.add(index, term, offset)
    if (index < this.lowestIndex) this.lowestIndex = index
  }

  /**
   * Reads entries from `from`, which is here, to `to` (exclusive) or to the end of the segment: as many as have
   * together no more than `bytesMax` of data, but at least one. Rejects with LOG_DAMAGED when a checksum is wrong.
   */
  async read (from: number, to: number, bytesMax: number): Promise<LogEntry[]> {
    this.#readers++
    try {
      return await this.#read(from, Math.min(to, this.positions.lastIndex + 1), bytesMax)
    } finally {
      this.#readers--
      this.#closeWhenUnused()
    }
  }

  /** Closes the file, after the last read that is under way. */
  retire (): void {
    this.#retired = true
    this.#closeWhenUnused()
  }

  async #read (from: number, to: number, bytesMax: number): Promise<LogEntry[]> {
    // The offsets are taken now: while the disk is read the entries may be replaced, yet their bytes stay in place.
    const offsets: number[] = []
    const start = this.positions.offsetOf(from)
    const length = Math.min(this.end - start, Math.max(bytesMax, readBytesMin))
    for (let index = from; index < to; index++) {
      const offset = this.positions.offsetOf(index) - start
      if (offset + recordHeaderBytes > length) break
      offsets.push(offset)
    }
    let bytes = await this.#bytes(start, length, from)
    const firstBytes = recordBytes(bytes.readUInt32LE(4))
    if (firstBytes > bytes.length && firstBytes <= this.end - start) bytes = await this.#bytes(start, firstBytes, from)

    const entries: LogEntry[] = []
    let dataBytes = 0
    for (const [i, offset] of offsets.entries()) {
      const record = readRecord(bytes, offset, this.seed)
      // The last one of a read may be there in part: the next read begins with it.
      if (record === null && i > 0 && offset + recordBytes(bytes.readUInt32LE(offset + 4)) > bytes.length) break
      if (record === null || record.kind !== recordKinds.entry || record.index !== from + i) {
        throw damaged(this.file, start + offset, from + i - 1, 'a record that was written can no longer be read')
      }
      dataBytes += record.data.length
      if (i > 0 && dataBytes > bytesMax) break
      entries.push({ index: record.index, term: record.term, type: record.type, data: record.data })
    }
    return entries
  }

  async #bytes (start: number, length: number, index: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(length)
    let done = 0
    while (done < length) {
      const { bytesRead } = await read(this.fd, bytes, done, length - done, start + done)
      if (bytesRead === 0) throw damaged(this.file, start + done, index - 1, 'the file ends too early')
      done += bytesRead
    }
    return bytes
  }

  #closeWhenUnused (): void {
    if (this.#retired && this.#readers === 0) {
      this.#retired = false
      fs.close(this.fd, () => {})
    }
  }
}
