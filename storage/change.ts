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

/** What a reader sees of a change beside its key, tags and type. */
export interface ChangeFields {
  revision: number
  /** ISO 8601. */
  timestamp: string
  tenant?: string | undefined
  collection?: string | undefined
  data?: Buffer | undefined
}

const closingBrace = 0x7d

/**
 * A change and its row: the length of the scope, the scope, and the JSON text that readers get, with the data's own
 * bytes inside.
 */
export function makeChange (scope: Scope, fields: ChangeFields): { change: Change, row: Buffer } {
  const out = new BinaryWriter().u32(0)
  writeScope(out, scope)
  const scopeEnd = out.length
  out.unmeasured(headOf(scope, fields))
  if (fields.data !== undefined) out.raw(fields.data)
  out.u8(closingBrace)
  const row = out.finish()
  row.writeUInt32BE(scopeEnd - scopeLengthBytes, 0)
  return { row, change: { revision: fields.revision, scope, text: row.subarray(scopeEnd) } }
}

const scopeLengthBytes = 4

/** Up to the data, or to the end. */
function headOf ({ type, key, tags }: Scope, { revision, timestamp, tenant, collection, data }: ChangeFields): string {
  let head = `{"revision":${revision},"timestamp":"${timestamp}","type":"${type}"`
  if (tenant !== undefined) head += placeText(tenant, collection)
  if (key !== null) head += `,"key":${JSON.stringify(key)}`
  if (tags.length > 0) head += `,"tags":${JSON.stringify(tags)}`
  return data === undefined ? head : `${head},"data":`
}

/** The last one that was made: changes of one place mostly come together. */
let place: { tenant: string, collection: string | undefined, text: string } = { tenant: '', collection: undefined, text: '' }

function placeText (tenant: string, collection: string | undefined): string {
  if (place.tenant === tenant && place.collection === collection && place.text !== '') return place.text
  const text = `,"tenant":${JSON.stringify(tenant)}` +
    (collection === undefined ? '' : `,"collection":${JSON.stringify(collection)}`)
  place = { tenant, collection, text }
  return text
}

function writeScope (out: BinaryWriter, { type, tenants, collection, key, tags }: Scope): void {
  out.u8(changeTypes.indexOf(type)).u8(tenants.length)
  for (const tenant of tenants) out.u64(tenant)
  out.u64(collection).u8(key === null ? 0 : 1)
  if (key !== null) out.text(key)
  out.u16(tags.length)
  for (const tag of tags) out.text(tag)
}

const [tenantMark, quote, backslash] = [Buffer.from(',"tenant":"'), 0x22, 0x5c]

/**
 * The name that the change's tenant had when the change was made; of a rename, the new one. Null when it names none.
 * Nothing that stands before the name in the text can look like it.
 */
export function tenantNameOf ({ scope, text }: Change): string | null {
  if (scope.tenants.length === 0) return null
  const start = text.indexOf(tenantMark) + tenantMark.length
  let end = start
  while (text[end] !== quote) end += text[end] === backslash ? 2 : 1
  return JSON.parse(text.toString('utf8', start - 1, end + 1)) as string
}

/** Which name a tenant had before a rename. */
export function previousNameOf ({ text }: Change): string {
  const { data } = JSON.parse(text.toString()) as { data: { previous: string } }
  return data.previous
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
    this.text = row.subarray(scopeLengthBytes + row.readUInt32BE(0))
    this.#row = row
  }

  get scope (): Scope {
    return (this.#scope ??= decodeScope(this.#row))
  }
}

function decodeScope (row: Buffer): Scope {
  const from = new BinaryReader(row, scopeLengthBytes)
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
