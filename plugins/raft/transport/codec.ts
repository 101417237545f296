import type { Configuration, Entry, EntryId, Message, MessageType, NodeId, ProposedEntry } from '../core/index.ts'
import { WireReader, WireWriter } from './wire.ts'

/**
 * Messages between cores as bytes: type (u8), term (u64), sender and receiver (8 bytes each, the ids as numbers), then
 * the fields of the type in the order below.
 */

/** Messages by the number that stands for them on the wire. A new one goes to the end, with a new protocol version. */
const messageTypes: MessageType[] = [
  'append', 'append-response', 'heartbeat', 'heartbeat-response', 'vote', 'pre-vote', 'vote-response',
  'pre-vote-response', 'snapshot', 'timeout-now', 'transfer-leader', 'propose', 'read-index', 'read-index-response',
]

/** Beside the data of entries and the text of a context no message takes more, but for a snapshot's ids. */
const fixedBytes = 64
const entryHeadBytes = 13

/** As many bytes as `writeMessage` writes, or a few more. */
export function messageBytesMax (message: Message): number {
  switch (message.type) {
    case 'append':
    case 'propose':
      return fixedBytes + entriesBytesMax(message.entries)
    case 'snapshot': {
      const { voters, votersOutgoing, learners, learnersNext } = message.snapshot.configuration
      return fixedBytes + 8 * (voters.length + votersOutgoing.length + learners.length + learnersNext.length)
    }
    default:
      return fixedBytes + ('context' in message ? 3 * (message.context?.length ?? 0) : 0)
  }
}

function entriesBytesMax (entries: readonly ProposedEntry[]): number {
  let bytes = 0
  for (const { data } of entries) bytes += entryHeadBytes + data.length
  return bytes
}

/** Writes the message into `target`, which has `messageBytesMax` of room there, and returns where it ends. */
export function writeMessage (message: Message, target: Buffer, at: number): number {
  const out = new WireWriter(target, at)
  out.u8(messageTypes.indexOf(message.type)).u64(message.term).id(message.from).id(message.to)
  switch (message.type) {
    case 'append':
      out.u64(message.index).u64(message.logTerm).u64(message.commit)
      writeEntries(out, message.entries)
      break
    case 'append-response':
      out.u64(message.index).flag(message.reject).u64(message.hint).u64(message.hintTerm)
      break
    case 'heartbeat':
      out.u64(message.commit)
      writeContext(out, message.context)
      break
    case 'heartbeat-response':
      writeContext(out, message.context)
      break
    case 'vote':
    case 'pre-vote':
      out.u64(message.index).u64(message.logTerm).flag(message.transfer)
      writeCommitted(out, message.committed)
      break
    case 'vote-response':
    case 'pre-vote-response':
      out.flag(message.reject)
      writeCommitted(out, message.committed)
      break
    case 'snapshot':
      out.u64(message.snapshot.index).u64(message.snapshot.term)
      writeConfiguration(out, message.snapshot.configuration)
      break
    case 'propose':
      out.u32(message.entries.length)
      for (const { type, data } of message.entries) out.u8(type).bytes(data)
      break
    case 'read-index':
      out.text(message.context)
      break
    case 'read-index-response':
      out.u64(message.index).text(message.context)
      break
    case 'timeout-now':
    case 'transfer-leader':
      break
  }
  return out.at
}

/** The message in a buffer of its own. */
export function encodeMessage (message: Message): Buffer {
  const target = Buffer.allocUnsafe(messageBytesMax(message))
  return target.subarray(0, writeMessage(message, target, 0))
}

/**
 * The data of entries come back as views of `bytes`, which is copied first if it is but a small part of the memory that
 * it lies in: entries stay in memory for long, and keep all of that from being freed.
 *
 * @throws RangeError for bytes that are no message of this protocol
 */
export function decodeMessage (bytes: Buffer): Message {
  const from = new WireReader(bytes[0] === 0 ? lasting(bytes) : bytes)
  const message = readMessage(from)
  if (!from.done) throw new RangeError('a message is followed by bytes that do not belong to it')
  return message
}

/**
 * A chunk from a socket is as long as what was read, at most 64 KiB, and when it holds several appends these share it.
 * Only a small one among other things is worth a copy, and a small copy is cheap.
 */
const chunkShareMin = 1 / 8

function lasting (bytes: Buffer): Buffer {
  return bytes.length < bytes.buffer.byteLength * chunkShareMin ? Buffer.from(bytes) : bytes
}

function readMessage (from: WireReader): Message {
  const type = messageTypes[from.u8()]
  const envelope = { term: from.u64(), from: from.id(), to: from.id() }
  switch (type) {
    case 'append': {
      const [index, logTerm, commit] = [from.u64(), from.u64(), from.u64()]
      return { type, ...envelope, index, logTerm, commit, entries: readEntries(from, index) }
    }
    case 'append-response':
      return { type, ...envelope, index: from.u64(), reject: from.flag(), hint: from.u64(), hintTerm: from.u64() }
    case 'heartbeat':
      return { type, ...envelope, commit: from.u64(), context: readContext(from) }
    case 'heartbeat-response':
      return { type, ...envelope, context: readContext(from) }
    case 'vote':
    case 'pre-vote': {
      const [index, logTerm, transfer] = [from.u64(), from.u64(), from.flag()]
      return { type, ...envelope, index, logTerm, transfer, ...readCommitted(from) }
    }
    case 'vote-response':
    case 'pre-vote-response':
      return { type, ...envelope, reject: from.flag(), ...readCommitted(from) }
    case 'snapshot': {
      const [index, term] = [from.u64(), from.u64()]
      return { type, ...envelope, snapshot: { index, term, configuration: readConfiguration(from) } }
    }
    case 'propose':
      return { type, ...envelope, entries: readProposed(from) }
    case 'read-index':
      return { type, ...envelope, context: from.text() }
    case 'read-index-response':
      return { type, ...envelope, index: from.u64(), context: from.text() }
    case 'timeout-now':
    case 'transfer-leader':
      return { type, ...envelope }
    default:
      throw new RangeError('a message of a type that this release does not know')
  }
}

/** Entries follow each other, so their indexes are not sent. */
function writeEntries (out: WireWriter, entries: readonly Entry[]): void {
  out.u32(entries.length)
  for (const { term, type, data } of entries) out.u64(term).u8(type).bytes(data)
}

/** One by one, whatever the number before them says: what is not there takes no room. */
function readEntries (from: WireReader, before: number): Entry[] {
  const entries: Entry[] = []
  const count = from.u32()
  if (before + count > Number.MAX_SAFE_INTEGER) throw new RangeError('an index that is too large')
  for (let at = 1; at <= count; at++) {
    entries.push({ index: before + at, term: from.u64(), type: from.u8(), data: from.bytes() })
  }
  return entries
}

function readProposed (from: WireReader): ProposedEntry[] {
  const entries: ProposedEntry[] = []
  for (let rest = from.u32(); rest > 0; rest--) entries.push({ type: from.u8(), data: from.bytes() })
  return entries
}

/** No context is empty, so the empty text stands for none. */
function writeContext (out: WireWriter, context: string | null): void {
  out.text(context ?? '')
}

/** A flag says whether it follows. */
function writeCommitted (out: WireWriter, committed: EntryId | undefined): void {
  out.flag(committed !== undefined)
  if (committed !== undefined) out.u64(committed.index).u64(committed.term)
}

function readCommitted (from: WireReader): { committed?: EntryId } {
  return from.flag() ? { committed: { index: from.u64(), term: from.u64() } } : {}
}

function readContext (from: WireReader): string | null {
  return from.text() || null
}

interface ConfigurationWriter {
  u8 (value: number): unknown
  u16 (value: number): unknown
  raw (bytes: Buffer): unknown
}

interface ConfigurationReader {
  u8 (): number
  u16 (): number
  raw (bytes: number): Buffer
}

/** For each list of ids their number (u16) and the ids, then the flag. The database keeps these bytes too. */
export function writeConfiguration (out: ConfigurationWriter, configuration: Configuration): void {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = configuration
  for (const ids of [voters, votersOutgoing, learners, learnersNext]) {
    out.u16(ids.length)
    for (const id of ids) out.raw(idBytes(id))
  }
  out.u8(Number(autoLeave))
}

/** @throws RangeError for bytes that are no configuration */
export function readConfiguration (from: ConfigurationReader): Configuration {
  const ids = (): NodeId[] => Array.from({ length: from.u16() }, () => from.raw(8).toString('hex'))
  return { voters: ids(), votersOutgoing: ids(), learners: ids(), learnersNext: ids(), autoLeave: from.u8() === 1 }
}

function idBytes (id: NodeId): Buffer {
  const bytes = Buffer.from(id, 'hex')
  if (bytes.length !== 8) throw new RangeError(`${id} is no node id of 16 hex digits`)
  return bytes
}
