import { randomBytes } from 'node:crypto'
import { crc32c } from '@node-rs/crc32'
import { readU64, writeU64 } from './binary.ts'
import type { HardState, Position } from './types.ts'

/**
 * The first 128 bytes of a segment:
 *
 *   0 the letters `chgwell` and a line feed    8 u32 format version   12 u32 CRC32C of the other 124 bytes
 *  16 u64 sequence   24 u64 bytes of the file   32 u64 where the records of the previous segment end
 *  40 u64, 48 u64 index and term of the position before the segment
 *  56 u64, 64 u64, 72 eight bytes: the hard state's term, commit, vote
 *  80 u8 flags (1: begins anew, 2: has a vote)   84 u32 random   88 zeros
 *
 * In every format the letters, the version and the checksum of 128 bytes stay where they are, so that a newer format is
 * told apart from damage.
 */
export const headerBytes = 128
export const formatVersion = 1

const magic = Buffer.from('chgwell\n')
const flagAnew = 1
const flagVote = 2

/** All that recovery needs to begin with this segment, so that older ones can go. */
export interface SegmentHeader {
  /** One more than the previous segment's. */
  sequence: number
  /** The size of the file, which is made in full before it is used. */
  capacity: number
  /** Where the records of the previous segment end. */
  previousEnd: number
  /** The last entry before the segment, when it was made. */
  before: Position
  /** The hard state when it was made. */
  hardState: HardState
  /** The log begins with it, whatever older segments say: the very first one, or the one that a reset made. */
  anew: boolean
}

export function encodeHeader (header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(headerBytes)
  magic.copy(bytes)
  bytes.writeUInt32LE(formatVersion, 8)
  writeU64(bytes, header.sequence, 16)
  writeU64(bytes, header.capacity, 24)
  writeU64(bytes, header.previousEnd, 32)
  writeU64(bytes, header.before.index, 40)
  writeU64(bytes, header.before.term, 48)
  writeU64(bytes, header.hardState.term, 56)
  writeU64(bytes, header.hardState.commit, 64)
  if (header.hardState.vote !== null) bytes.write(header.hardState.vote, 72, 'hex')
  bytes[80] = (header.anew ? flagAnew : 0) | (header.hardState.vote === null ? 0 : flagVote)
  randomBytes(4).copy(bytes, 84)
  bytes.writeUInt32LE(checksum(bytes), 12)
  return bytes
}

/** The header, `newer` with the version when a later release wrote it, or null when the bytes are not a good header. */
export function decodeHeader (bytes: Buffer): SegmentHeader | { newer: number } | null {
  if (bytes.length < headerBytes || magic.compare(bytes, 0, magic.length) !== 0) return null
  if (headerSeed(bytes) !== checksum(bytes)) return null
  const version = bytes.readUInt32LE(8)
  if (version > formatVersion) return { newer: version }
  const flags = bytes[80] ?? 0
  return {
    sequence: readU64(bytes, 16),
    capacity: readU64(bytes, 24),
    previousEnd: readU64(bytes, 32),
    before: { index: readU64(bytes, 40), term: readU64(bytes, 48) },
    hardState: {
      term: readU64(bytes, 56),
      vote: (flags & flagVote) === 0 ? null : bytes.toString('hex', 72, 80),
      commit: readU64(bytes, 64),
    },
    anew: (flags & flagAnew) !== 0,
  }
}

/** The header's checksum, from which those of the segment's records continue. */
export function headerSeed (bytes: Buffer): number {
  return bytes.readUInt32LE(12)
}

function checksum (bytes: Buffer): number {
  return crc32c(bytes.subarray(16, headerBytes), crc32c(bytes.subarray(0, 12)))
}
