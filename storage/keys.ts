import type { Range } from './store.ts'

/** How rows are keyed in each family. Numbers are big-endian, so that byte order is number order. */

/** Writes a safe integer as an unsigned 64-bit number. */
export function writeU64 (target: Buffer, value: number, offset: number): number {
  target.writeUInt32BE(Math.floor(value / 0x1_0000_0000), offset)
  target.writeUInt32BE(value >>> 0, offset + 4)
  return offset + 8
}

export function readU64 (source: Buffer, offset: number): number {
  return source.readUInt32BE(offset) * 0x1_0000_0000 + source.readUInt32BE(offset + 4)
}

function u64s (...values: number[]): Buffer {
  const key = Buffer.allocUnsafe(values.length * 8)
  values.forEach((value, at) => writeU64(key, value, at * 8))
  return key
}

export const metaKeys = {
  format: Buffer.from('format'),
  clusterId: Buffer.from('cluster-id'),
  applied: Buffer.from('applied'),
  settings: Buffer.from('settings'),
  configuration: Buffer.from('configuration'),
  /** Here only while everything is being replaced. */
  torn: Buffer.from('torn'),
}

export function changeKey (revision: number): Buffer {
  return u64s(revision)
}

export function changeRange (from: number, to: number): Range {
  return { start: u64s(from), end: u64s(to) }
}

export function tenantChangeKey (tenant: number, revision: number): Buffer {
  return u64s(tenant, revision)
}

export function tenantChangeRange (tenant: number, from: number, to: number): Range {
  return { start: u64s(tenant, from), end: u64s(tenant, to) }
}

export function tenantRange (tenant: number): Range {
  return { start: u64s(tenant), end: u64s(tenant + 1) }
}

export function entryKey (tenant: number, collection: number, key: string): Buffer {
  const length = Buffer.byteLength(key)
  const row = Buffer.allocUnsafe(16 + length)
  writeU64(row, tenant, 0)
  writeU64(row, collection, 8)
  row.write(key, 16)
  return row
}

/** The key's own name, from an entry's row. */
export function entryName (row: Buffer): string {
  return row.toString('utf8', 16)
}

export function collectionRange (tenant: number, collection: number): Range {
  return { start: u64s(tenant, collection), end: u64s(tenant, collection + 1) }
}

/** The keys of a collection that begin with a prefix and come after a key (both may be empty). */
export function keysRange (tenant: number, collection: number, prefix: string, after: string | null): Range {
  const { start, end } = prefixRange(entryKey(tenant, collection, prefix))
  if (after === null) return { start, end }
  const next = Buffer.concat([entryKey(tenant, collection, after), Buffer.of(0)])
  return { start: Buffer.compare(next, start) > 0 ? next : start, end }
}

/** Every key of a family: none begins with so many bytes of 0xff. */
export const everyKey: Range = { start: Buffer.alloc(0), end: Buffer.alloc(64, 0xff) }

/** All rows that begin with these bytes. */
export function prefixRange (prefix: Buffer): Range {
  const end = Buffer.from(prefix)
  for (let at = end.length - 1; at >= 0; at--) {
    if (end[at] !== 0xff) {
      end[at] = end[at]! + 1
      return { start: prefix, end: end.subarray(0, at + 1) }
    }
  }
  throw new RangeError('a prefix of 0xff bytes has no end')
}

const tenantKind = 0x74
const collectionKind = 0x63

export function tenantRowKey (id: number): Buffer {
  return Buffer.concat([Buffer.of(tenantKind), u64s(id)])
}

export function collectionRowKey (tenant: number, id: number): Buffer {
  return Buffer.concat([Buffer.of(collectionKind), u64s(tenant, id)])
}

const nodeKind = 0x6e

export function nodeRowKey (id: string): Buffer {
  return Buffer.concat([Buffer.of(nodeKind), Buffer.from(id)])
}

export const nodeRows: Range = { start: Buffer.of(nodeKind), end: Buffer.of(nodeKind + 1) }
export const tenantRows: Range = { start: Buffer.of(tenantKind), end: Buffer.of(tenantKind + 1) }
export const collectionRows: Range = { start: Buffer.of(collectionKind), end: Buffer.of(collectionKind + 1) }

/** What no tag can be: renames of tenants stand under it in the index of tags. */
export const renameTag = ''

/** A tag has no control characters, so NUL ends it and no tag's rows mix with those of a longer one. */
export function tagKey (tag: string, revision: number): Buffer {
  const length = Buffer.byteLength(tag)
  const key = Buffer.allocUnsafe(length + 9)
  key.write(tag, 0)
  key[length] = 0
  writeU64(key, revision, length + 1)
  return key
}

export function tagRange (tag: string, from: number, to: number): Range {
  return { start: tagKey(tag, from), end: tagKey(tag, to) }
}

export function tagRevision (key: Buffer): number {
  return readU64(key, key.length - 8)
}

const requestKind = 0x6b
const expiryKind = 0x65
const chunkKind = 0x6f

export function requestKey (idempotencyKey: string): Buffer {
  return Buffer.concat([Buffer.of(requestKind), Buffer.from(idempotencyKey)])
}

export function expiryKey (expiresAt: number, idempotencyKey: string): Buffer {
  return Buffer.concat([Buffer.of(expiryKind), u64s(expiresAt), Buffer.from(idempotencyKey)])
}

/** Rows of requests that expire before the time given. */
export function expiredRange (timestamp: number): Range {
  return { start: Buffer.of(expiryKind), end: Buffer.concat([Buffer.of(expiryKind), u64s(timestamp)]) }
}

export function expiryName (key: Buffer): string {
  return key.toString('utf8', 9)
}

/** Chunks of outcomes are numbered in the order of the log. */
export function chunkKey (number: number): Buffer {
  return Buffer.concat([Buffer.of(chunkKind), u64s(number)])
}

export function chunkRange (from: number, to: number): Range {
  return { start: chunkKey(from), end: chunkKey(to) }
}
