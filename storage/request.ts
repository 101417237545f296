import { BinaryReader, BinaryWriter } from './binary.ts'
import type { Outcome } from './types.ts'

/** What is kept under an idempotency key: who asked, until when, and what became of it. */
export interface KnownRequest {
  fingerprint: Buffer
  /** Milliseconds since 1970. */
  expiresAt: number
  outcome: Outcome
}

export function encodeRequest ({ fingerprint, expiresAt, outcome }: KnownRequest): Buffer {
  return new BinaryWriter().u64(expiresAt).raw(fingerprint).bytes(Buffer.from(JSON.stringify(outcome))).finish()
}

export function decodeRequest (row: Buffer): KnownRequest {
  const from = new BinaryReader(row)
  const expiresAt = from.u64()
  return { expiresAt, fingerprint: from.raw(16), outcome: JSON.parse(from.bytes().toString()) as Outcome }
}
