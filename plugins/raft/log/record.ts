import { crc32c } from '@node-rs/crc32'
import { readU64, writeU64 } from './binary.ts'
import type { HardState } from './types.ts'

/**
 * A record is 32 bytes and its data, filled with zeros to a multiple of 8:
 *
 *   0 u32 CRC32C of all that follows, the filling included, continued from the checksum of the segment's header
 *   4 u32 length of the data       8 u32 where in the file its batch starts
 *  12 u8 kind   13 u8 type of the entry   14 u16 zero   16 u64 term   24 u64 index   32 data
 *
 * The checksum continues from the header's, which covers a random number: so bytes of another segment, or bytes that
 * somebody stored as data, do not pass as a record of this one.
 */
export const recordHeaderBytes = 32

export const recordKinds = { hardState: 1, entry: 2 } as const

/** A hard state with a vote: eight bytes of data. */
export const hardStateBytesMax = recordHeaderBytes + 8

export interface LogRecord {
  kind: number
  type: number
  /** Where in the file the batch starts that the record was written with. */
  batch: number
  term: number
  /** Of the entry; in a hard state, the commit index. */
  index: number
  data: Buffer
  /** The whole record, filling included. */
  bytes: number
}

/** The bytes that a record with so much data takes. */
export function recordBytes (dataBytes: number): number {
  return recordHeaderBytes + Math.ceil(dataBytes / 8) * 8
}

/** Writes one record at `at` and returns where the next one goes. */
export function writeRecord (target: Buffer, at: number, seed: number, record: Omit<LogRecord, 'bytes'>): number {
  const { data } = record
  const end = at + recordBytes(data.length)
  target.writeUInt32LE(data.length, at + 4)
  target.writeUInt32LE(record.batch, at + 8)
  target.writeUInt32LE(record.kind + record.type * 256, at + 12)
  writeU64(target, record.term, at + 16)
  writeU64(target, record.index, at + 24)
  data.copy(target, at + recordHeaderBytes)
  for (let i = at + recordHeaderBytes + data.length; i < end; i++) target[i] = 0
  target.writeUInt32LE(crc32c(target.subarray(at + 4, end), seed), at)
  return end
}

/** The record at `at`, or null when what is there is not a whole, good record. Its data is a view of `bytes`. */
export function readRecord (bytes: Buffer, at: number, seed: number): LogRecord | null {
  if (at + recordHeaderBytes > bytes.length) return null
  const kind = bytes[at + 12]
  if (kind !== recordKinds.hardState && kind !== recordKinds.entry) return null
  const dataBytes = bytes.readUInt32LE(at + 4)
  const end = at + recordBytes(dataBytes)
  if (end > bytes.length) return null
  if (bytes.readUInt32LE(at) !== crc32c(bytes.subarray(at + 4, end), seed)) return null
  return {
    kind,
    type: bytes[at + 13] ?? 0,
    batch: bytes.readUInt32LE(at + 8),
    term: readU64(bytes, at + 16),
    index: readU64(bytes, at + 24),
    data: bytes.subarray(at + recordHeaderBytes, at + recordHeaderBytes + dataBytes),
    bytes: end - at,
  }
}

const noVote = Buffer.alloc(0)

/** The hard state as the fields of a record. */
export function hardStateRecord (hardState: HardState, batch: number): Omit<LogRecord, 'bytes'> {
  const data = hardState.vote === null ? noVote : Buffer.from(hardState.vote, 'hex')
  return { kind: recordKinds.hardState, type: 0, batch, term: hardState.term, index: hardState.commit, data }
}

/** The hard state that a record holds. */
export function hardStateOf (record: LogRecord): HardState {
  const vote = record.data.length === 0 ? null : record.data.toString('hex')
  return { term: record.term, vote, commit: record.index }
}
