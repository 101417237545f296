import { BinaryReader, BinaryWriter } from './binary.ts'

/** A Raft configuration that was applied: bytes that the database does not look into, and who is what. */
export interface AppliedConfiguration {
  bytes: Buffer
  /** All who vote now; of a joint configuration those of both halves. */
  voters: readonly string[]
  /** All others who get the log. */
  learners: readonly string[]
}

/** A configuration's row: the ids of voters and of learners, each list with its length, then the bytes. */
export function encodeConfiguration ({ bytes, voters, learners }: AppliedConfiguration): Buffer {
  const out = new BinaryWriter()
  for (const ids of [voters, learners]) {
    out.u16(ids.length)
    for (const id of ids) out.text(id)
  }
  return out.bytes(bytes).finish()
}

export function decodeConfiguration (row: Buffer): AppliedConfiguration {
  const from = new BinaryReader(row)
  const ids = (): string[] => Array.from({ length: from.u16() }, () => from.text())
  const voters = ids()
  const learners = ids()
  return { bytes: from.bytes(), voters, learners }
}
