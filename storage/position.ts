import { BinaryReader, BinaryWriter } from './binary.ts'

/** How far the database has come: what every applied batch leaves behind in one row. */
export interface Position {
  index: number
  term: number
  revision: number
  /** Of the last change; no later change has an earlier one. Milliseconds since 1970. */
  timestamp: number
  /** The oldest revision that the history holds. */
  firstRevision: number
  /** Over all that commands did to rows so far, in order: CRC32C. Equal on all nodes that executed the same. */
  checksum: number
}

/** Of a database to which nothing was applied. */
export const origin: Readonly<Position> = {
  index: 0, term: 0, revision: 0, timestamp: 0, firstRevision: 1, checksum: 0,
}

export function encodePosition ({ index, term, revision, timestamp, firstRevision, checksum }: Position): Buffer {
  return new BinaryWriter().u64(index).u64(term).u64(revision).u64(timestamp).u64(firstRevision).u32(checksum).finish()
}

export function decodePosition (row: Buffer | null): Position {
  if (row === null) return { ...origin }
  const from = new BinaryReader(row)
  const position = {
    index: from.u64(), term: from.u64(), revision: from.u64(), timestamp: from.u64(), firstRevision: from.u64(),
  }
  // The first releases kept no checksum.
  return { ...position, checksum: from.done ? 0 : from.u32() }
}

/** A checksum as people see it: 8 hex digits. */
export function checksumText (checksum: number): string {
  return checksum.toString(16).padStart(8, '0')
}
