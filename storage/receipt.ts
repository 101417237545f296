import { crc32c } from '@node-rs/crc32'
import { BinaryReader, BinaryWriter } from './binary.ts'
import { Problem } from './problem.ts'
import type { Receipt } from './types.ts'

export const receiptIdBytes = 10

/** What a client holds: the receipt, and where to look for what became of it. */
export interface ReceiptText extends Receipt {
  /** Of the cluster that gave it, 16 hex digits; only the first half is in the text. */
  clusterId: string
  /** The write is at a later place in the log than this, if anywhere. */
  after: number
}

const version = 1
const clusterDigits = 8
const textBytes = 1 + 4 + receiptIdBytes + 8 + 8 + 8 + 4

/** In the alphabet of URLs. A checksum is at its end: what was mistyped must not be taken for what was rejected. */
export function encodeReceipt ({ clusterId, after, id, deadline, keptUntil, isRepeated }: ReceiptText): string {
  const bytes = new BinaryWriter().u8(version << 1 | (isRepeated ? 1 : 0)).raw(Buffer.from(clusterId.slice(0, clusterDigits), 'hex'))
    .raw(id).u64(deadline).u64(keptUntil).u64(after).finish()
  return Buffer.concat([bytes, new BinaryWriter().u32(crc32c(bytes)).finish()]).toString('base64url')
}

/** @throws Problem RECEIPT_NOT_FOUND for a text that is no receipt of this cluster */
export function decodeReceipt (text: string, clusterId: string): ReceiptText {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== textBytes || bytes.toString('base64url') !== text) throw notFound('it has not the form of one')
  const end = bytes.length - 4
  if (bytes.readUInt32BE(end) !== crc32c(bytes.subarray(0, end))) throw notFound('its check digits are wrong')
  const from = new BinaryReader(bytes)
  const first = from.u8()
  if (first >> 1 !== version) throw notFound('another release gave it')
  if (from.raw(clusterDigits / 2).toString('hex') !== clusterId.slice(0, clusterDigits)) {
    throw notFound('another cluster gave it')
  }
  const id = from.raw(receiptIdBytes)
  const isRepeated = (first & 1) === 1
  return { clusterId, id, deadline: from.u64(), keptUntil: from.u64(), after: from.u64(), isRepeated }
}

/** The name under which a write that may come again is remembered. No idempotency key of a client has a space. */
export function receiptName (id: Buffer): string {
  return ` ${id.toString('hex')}`
}

function notFound (reason: string): Problem {
  return new Problem('RECEIPT_NOT_FOUND', { reason })
}
