import { hardStateBytesMax, hardStateRecord, recordBytes, recordKinds, writeRecord } from './record.ts'
import type { Segments } from './segments.ts'
import type { AppendRequest, LogEntry } from './types.ts'

/** The buffer that is kept from batch to batch grows up to this; a larger batch has one of its own. */
const keptBytesMax = 4 * 1024 * 1024

/** The bytes that a request takes at most. */
export function requestBytes (entries: LogEntry[]): number {
  let bytes = hardStateBytesMax
  for (const entry of entries) bytes += recordBytes(entry.data.length)
  return bytes
}

/** Turns requests into the bytes of one batch. Only one batch is under way at a time, so one buffer serves them all. */
export class BatchEncoder {
  #buffer = Buffer.allocUnsafeSlow(64 * 1024)

  /**
   * Encodes the requests for the end of the active segment, which has room for them, and notes in `segments` what the
   * disk then holds. The newest hard state comes first and stands for all of them: an entry of a new term is never on
   * the disk without that term.
   */
  encode (segments: Segments, requests: AppendRequest[], bytesMax: number): Buffer {
    const segment = segments.active
    const batch = segment.end
    const buffer = this.#bufferOf(bytesMax)
    let at = 0
    const hardState = requests.findLast((request) => request.hardState !== undefined)?.hardState
    if (hardState !== undefined) {
      at = writeRecord(buffer, at, segment.seed, hardStateRecord(hardState, batch))
      segments.hardState = hardState
    }
    for (const request of requests) {
      for (const { index, term, type, data } of request.entries) {
        segments.place(index, term, batch + at)
        at = writeRecord(buffer, at, segment.seed, { kind: recordKinds.entry, type, batch, term, index, data })
      }
    }
    segment.end += at
    return buffer.subarray(0, at)
  }

  #bufferOf (bytes: number): Buffer {
    if (bytes > keptBytesMax) return Buffer.allocUnsafeSlow(bytes)
    if (bytes > this.#buffer.length) {
      this.#buffer = Buffer.allocUnsafeSlow(Math.min(keptBytesMax, Math.max(bytes, this.#buffer.length * 2)))
    }
    return this.#buffer
  }
}
