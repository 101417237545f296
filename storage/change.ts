import { BinaryReader, BinaryWriter } from './binary.ts'
import { changeTypes, type ChangeType } from './types.ts'

/**
 * What a change is about, by ids that no rename alters. It stands before the JSON text in a change's row, so that a
 * feed can be filtered without parsing what it hands on.
 */
export interface Scope {
  type: ChangeType
  /** Ids from the topmost tenant down to the change's own; empty for a plain record. */
  tenants: number[]
  /** 0 when the change names no collection. */
  collection: number
  key: string | null
  tags: string[]
}

/** A change as the feed hands it on: the JSON text is encoded once and never parsed again. */
export interface Change {
  readonly revision: number
  readonly scope: Scope
  readonly text: Buffer
}

export interface ChangeFields {
  revision: number
  /** ISO 8601. */
  timestamp: string
  type: ChangeType
  tenant?: string | undefined
  collection?: string | undefined
  key?: string | undefined
  tags?: string[] | undefined
  data?: Buffer | undefined
}

const closing = Buffer.from('}')

/** The JSON text that readers get, with the data's own bytes inside. */
export function changeText (fields: ChangeFields): Buffer {
  let head = `{"revision":${fields.revision},"timestamp":"${fields.timestamp}","type":"${fields.type}"`
  if (fields.tenant !== undefined) head += `,"tenant":${JSON.stringify(fields.tenant)}`
  if (fields.collection !== undefined) head += `,"collection":${JSON.stringify(fields.collection)}`
  if (fields.key !== undefined) head += `,"key":${JSON.stringify(fields.key)}`
  if (fields.tags !== undefined && fields.tags.length > 0) head += `,"tags":${JSON.stringify(fields.tags)}`
  if (fields.data === undefined) return Buffer.from(head + '}')
  head += ',"data":'
  const length = Buffer.byteLength(head)
  const text = Buffer.allocUnsafe(length + fields.data.length + 1)
  text.write(head, 0)
  fields.data.copy(text, length)
  closing.copy(text, text.length - 1)
  return text
}

/** A change's row: the length of the scope, the scope, the text. */
export function encodeChange (change: Change): Buffer {
  const { scope } = change
  const out = new BinaryWriter()
  out.u8(changeTypes.indexOf(scope.type)).u8(scope.tenants.length)
  for (const tenant of scope.tenants) out.u64(tenant)
  out.u64(scope.collection).u8(scope.key === null ? 0 : 1)
  if (scope.key !== null) out.text(scope.key)
  out.u16(scope.tags.length)
  for (const tag of scope.tags) out.text(tag)
  const scopeBytes = out.length
  const row = Buffer.allocUnsafe(4 + scopeBytes + change.text.length)
  row.writeUInt32BE(scopeBytes, 0)
  out.copyTo(row, 4)
  change.text.copy(row, 4 + scopeBytes)
  return row
}

export function decodeChange (revision: number, row: Buffer): Change {
  return new StoredChange(revision, row)
}

/** A change as its row has it. Its scope is decoded when it is asked for: most readers want the text only. */
class StoredChange implements Change {
  readonly revision: number
  readonly text: Buffer
  readonly #row: Buffer
  #scope: Scope | null = null

  constructor (revision: number, row: Buffer) {
    this.revision = revision
    this.text = row.subarray(4 + row.readUInt32BE(0))
    this.#row = row
  }

  get scope (): Scope {
    return (this.#scope ??= decodeScope(this.#row))
  }
}

function decodeScope (row: Buffer): Scope {
  const from = new BinaryReader(row, 4)
  const type = changeTypes[from.u8()]
  if (type === undefined) throw new RangeError('a change of an unknown type')
  const tenants: number[] = []
  for (let left = from.u8(); left > 0; left--) tenants.push(from.u64())
  const collection = from.u64()
  const key = from.u8() === 1 ? from.text() : null
  const tags: string[] = []
  for (let left = from.u16(); left > 0; left--) tags.push(from.text())
  return { type, tenants, collection, key, tags }
}
