import { randomBytes } from 'node:crypto'
import { crc32c } from '@node-rs/crc32'
import { BinaryReader, BinaryWriter } from '../../storage/binary.ts'

/** What happened to the queue: a write came in, or is to be forgotten. */
export type QueueEvent =
  { kind: 'added', number: number, bytes: Buffer } |
  { kind: 'forgotten', number: number }

/** The file was changed by something else than the node, or the disk lost what it had confirmed. */
export class QueueDamagedError extends Error {
  readonly code = 'QUEUE_DAMAGED'

  constructor (path: string, at: number) {
    super(`${path} is damaged at byte ${at}, and whole writes follow, which clients were told are safe. Put the file back ` +
      'from a backup; or move it away and start again, and what it held is lost: receipts will tell that it was not made.')
  }
}

const fileMagic = Buffer.from('CWQUEUE\n')
const saltBytes = 8
const magic = Buffer.from('CWQ1')
const headBytes = 12
const kinds = { added: 1, forgotten: 2 }

/** Bytes at the beginning of a file: "CWQUEUE", a line feed, and 8 by chance. */
export const headerBytes = fileMagic.length + saltBytes

/** The beginning of a new file. */
export function newHeader (): Buffer {
  return Buffer.concat([fileMagic, randomBytes(saltBytes)])
}

/**
 * Events that are made durable together: "CWQ1", length of the content, CRC32C, content. The checksum is over the
 * file's header too, so that nothing that a client writes can look like a block.
 */
export function encodeBlock (events: readonly QueueEvent[], header: Buffer): Buffer {
  const content = new BinaryWriter()
  for (const event of events) {
    content.u8(kinds[event.kind]).u64(event.number)
    if (event.kind === 'added') content.bytes(event.bytes)
  }
  const bytes = content.finish()
  const head = Buffer.allocUnsafe(headBytes)
  magic.copy(head)
  head.writeUInt32BE(bytes.length, 4)
  head.writeUInt32BE(checksumOf(header, head, bytes), 8)
  return Buffer.concat([head, bytes])
}

/**
 * The events in a file that begins with a header, and how many of its bytes are whole. One block is written at a time
 * and synced before the next, so only the last one can be torn, and nobody was told that it was safe.
 *
 * @throws QueueDamagedError when a block is not whole and another follows, or the file is no queue
 */
export function decodeBlocks (file: Buffer, path: string): { events: QueueEvent[], length: number } {
  if (!file.subarray(0, fileMagic.length).equals(fileMagic)) throw new QueueDamagedError(path, 0)
  const events: QueueEvent[] = []
  let at = headerBytes
  for (let content = blockAt(file, at); content !== null; content = blockAt(file, at)) {
    events.push(...eventsOf(content))
    at += headBytes + content.length
  }
  for (let next = file.indexOf(magic, at + 1); next !== -1; next = file.indexOf(magic, next + 1)) {
    if (blockAt(file, next) !== null) throw new QueueDamagedError(path, at)
  }
  return { events, length: at }
}

function blockAt (file: Buffer, at: number): Buffer | null {
  if (at + headBytes > file.length || magic.compare(file, at, at + magic.length) !== 0) return null
  const head = file.subarray(at, at + headBytes)
  const length = head.readUInt32BE(4)
  if (at + headBytes + length > file.length) return null
  const content = file.subarray(at + headBytes, at + headBytes + length)
  return head.readUInt32BE(8) === checksumOf(file.subarray(0, headerBytes), head, content) ? content : null
}

function checksumOf (header: Buffer, head: Buffer, content: Buffer): number {
  return crc32c(content, crc32c(head.subarray(0, 8), crc32c(header)))
}

function eventsOf (content: Buffer): QueueEvent[] {
  const from = new BinaryReader(content)
  const events: QueueEvent[] = []
  while (!from.done) {
    const kind = from.u8()
    const number = from.u64()
    events.push(kind === kinds.added ? { kind: 'added', number, bytes: from.bytes() } : { kind: 'forgotten', number })
  }
  return events
}
