import { BinaryReader, BinaryWriter } from './binary.ts'
import { receiptIdBytes } from './receipt.ts'
import {
  changeTypes, type Command, type Compare, type Operation, type Receipt, type RejectCommand, type Settings,
  type WriteCommand,
} from './types.ts'

/**
 * Commands as they stand in the log: a small binary header and the data's own JSON text. The first byte is the kind,
 * so that a later release can add kinds and an older one can say that it does not know them.
 */
const kinds = ['bootstrap', 'write', 'expire', 'trim', 'settings', 'node', 'node-remove', 'receipted-write', 'reject'] as const

/** A write with a receipt is a kind of its own: a release that knows no receipts must not take it for a plain one. */
const receiptedWrite = kinds.indexOf('receipted-write')

const roles = ['voter', 'replica', null] as const

const present = { tenant: 1, collection: 2, key: 4, tags: 8, data: 16, name: 32, recursive: 64 }

/** A comparison's revision in the log when the key must merely exist; no revision is as large. */
const anyRevision = Number.MAX_SAFE_INTEGER

/** A command of a kind that this release does not know: it must not be skipped, because other nodes may apply it. */
export class UnknownCommandError extends Error {
  readonly code = 'UNKNOWN_COMMAND'
  constructor (kind: number) {
    super(`The log holds a command of kind ${kind}, which this release does not know. Run the release that wrote it, or a newer one.`)
  }
}

export function encodeCommand (command: Command): Buffer {
  const out = new BinaryWriter()
  const isReceipted = command.kind === 'write' && command.receipt !== undefined
  out.u8(isReceipted ? receiptedWrite : kinds.indexOf(command.kind)).u64(command.timestamp)
  switch (command.kind) {
    case 'write':
      if (command.receipt !== undefined) writeReceipt(out, command.receipt)
      writeWrite(out, command)
      break
    case 'bootstrap': out.text(command.clusterId); break
    case 'trim': out.u64(command.firstRevision); break
    case 'settings': out.bytes(Buffer.from(JSON.stringify(command.settings))); break
    case 'reject':
      writeReceipt(out, command.receipt)
      out.bytes(Buffer.from(JSON.stringify({ code: command.code, params: command.params })))
      break
    case 'expire': break
    case 'node':
      out.text(command.id).u8(roles.indexOf(command.role)).text(command.peerAddress).text(command.apiAddress)
      break
    case 'node-remove': out.text(command.id); break
  }
  return out.finish()
}

export function decodeCommand (bytes: Buffer): Command {
  const from = new BinaryReader(bytes)
  const kindNumber = from.u8()
  const kind = kinds[kindNumber]
  const timestamp = from.u64()
  switch (kind) {
    case 'write': return readWrite(from, { kind, timestamp, compare: [], then: [] })
    case 'receipted-write': return readWrite(from, { kind: 'write', timestamp, receipt: readReceipt(from), compare: [], then: [] })
    case 'bootstrap': return { kind, timestamp, clusterId: from.text() }
    case 'trim': return { kind, timestamp, firstRevision: from.u64() }
    case 'settings': return { kind, timestamp, settings: JSON.parse(from.bytes().toString()) as Partial<Settings> }
    case 'reject': {
      const receipt = readReceipt(from)
      return { kind, timestamp, receipt, ...JSON.parse(from.bytes().toString()) as Pick<RejectCommand, 'code' | 'params'> }
    }
    case 'expire': return { kind, timestamp }
    case 'node': {
      const [id, role] = [from.text(), roles[from.u8()] ?? null]
      return { kind, timestamp, id, role, peerAddress: from.text(), apiAddress: from.text() }
    }
    case 'node-remove': return { kind, timestamp, id: from.text() }
    default: throw new UnknownCommandError(kindNumber)
  }
}

function writeWrite (out: BinaryWriter, command: WriteCommand): void {
  const { idempotency, called } = command
  out.u8((idempotency === undefined ? 0 : 1) | (command.else === undefined ? 0 : 2) | (called === undefined ? 0 : 4))
  if (idempotency !== undefined) out.text(idempotency.key).raw(idempotency.fingerprint).u64(idempotency.expiresAt)
  if (called !== undefined) {
    out.u32(called.length)
    for (const { id, name } of called) out.text(id).text(name ?? '')
  }
  out.u16(command.compare.length)
  for (const { tenant, collection, key, revision } of command.compare) {
    out.text(tenant).text(collection).text(key).u64(revision === 'exists' ? anyRevision : revision)
  }
  writeOperations(out, command.then)
  if (command.else !== undefined) writeOperations(out, command.else)
}

function writeReceipt (out: BinaryWriter, { id, deadline, keptUntil, isRepeated }: Receipt): void {
  out.raw(id).u64(deadline).u64(keptUntil).u8(isRepeated ? 1 : 0)
}

function readReceipt (from: BinaryReader): Receipt {
  return { id: from.raw(receiptIdBytes), deadline: from.u64(), keptUntil: from.u64(), isRepeated: from.u8() === 1 }
}

/** The command with what follows in the bytes. */
function readWrite (from: BinaryReader, command: WriteCommand): WriteCommand {
  const flags = from.u8()
  if ((flags & 1) !== 0) {
    command.idempotency = { key: from.text(), fingerprint: from.raw(16), expiresAt: from.u64() }
  }
  if ((flags & 4) !== 0) {
    command.called = []
    // No name is empty.
    for (let left = from.u32(); left > 0; left--) command.called.push({ id: from.text(), name: from.text() || null })
  }
  for (let left = from.u16(); left > 0; left--) command.compare.push(readCompare(from))
  command.then = readOperations(from)
  if ((flags & 2) !== 0) command.else = readOperations(from)
  return command
}

function readCompare (from: BinaryReader): Compare {
  const compare = { tenant: from.text(), collection: from.text(), key: from.text() }
  const revision = from.u64()
  return { ...compare, revision: revision === anyRevision ? 'exists' : revision }
}

function writeOperations (out: BinaryWriter, operations: Operation[]): void {
  out.u32(operations.length)
  for (const operation of operations) {
    const { tenant, collection, key, tags, data, name, recursive } = operation
    out.u8(changeTypes.indexOf(operation.type))
    out.u8((tenant === undefined ? 0 : present.tenant) | (collection === undefined ? 0 : present.collection) |
      (key === undefined ? 0 : present.key) | (tags === undefined ? 0 : present.tags) |
      (data === undefined ? 0 : present.data) | (name === undefined ? 0 : present.name) |
      (recursive === true ? present.recursive : 0))
    if (tenant !== undefined) out.text(tenant)
    if (collection !== undefined) out.text(collection)
    if (key !== undefined) out.text(key)
    if (tags !== undefined) {
      out.u16(tags.length)
      for (const tag of tags) out.text(tag)
    }
    if (name !== undefined) out.text(name)
    if (data !== undefined) out.bytes(data)
  }
}

function readOperations (from: BinaryReader): Operation[] {
  const operations: Operation[] = []
  for (let left = from.u32(); left > 0; left--) {
    const type = changeTypes[from.u8()]
    if (type === undefined) throw new RangeError('a change of an unknown type')
    const flags = from.u8()
    const operation: Operation = { type }
    if ((flags & present.tenant) !== 0) operation.tenant = from.text()
    if ((flags & present.collection) !== 0) operation.collection = from.text()
    if ((flags & present.key) !== 0) operation.key = from.text()
    if ((flags & present.tags) !== 0) {
      operation.tags = []
      for (let tags = from.u16(); tags > 0; tags--) operation.tags.push(from.text())
    }
    if ((flags & present.name) !== 0) operation.name = from.text()
    if ((flags & present.data) !== 0) operation.data = from.bytes()
    if ((flags & present.recursive) !== 0) operation.recursive = true
    operations.push(operation)
  }
  return operations
}
