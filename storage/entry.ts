import { entryName, readU64, writeU64 } from './keys.ts'
import type { Entry } from './types.ts'

/** An entry's row: flags, revision, timestamp, data. */
export const headerBytes = 17
const tombstone = 1

export function encodeEntry (revision: number, timestamp: number, data: Buffer): Buffer {
  return encode(0, revision, timestamp, data)
}

/** A deleted key keeps a row without data: its revision is where the tenant feed holds the deletion. */
export function encodeTombstone (revision: number, timestamp: number): Buffer {
  return encode(tombstone, revision, timestamp, Buffer.alloc(0))
}

function encode (flags: number, revision: number, timestamp: number, data: Buffer): Buffer {
  const row = Buffer.allocUnsafe(headerBytes + data.length)
  row[0] = flags
  writeU64(row, revision, 1)
  writeU64(row, timestamp, 9)
  data.copy(row, headerBytes)
  return row
}

export function isLive (row: Buffer): boolean {
  return row[0] !== tombstone
}

export function entryRevision (row: Buffer): number {
  return readU64(row, 1)
}

export function decodeEntry (key: Buffer, row: Buffer): Entry {
  return {
    key: entryName(key), revision: entryRevision(row), timestamp: readU64(row, 9), data: row.subarray(headerBytes),
  }
}
