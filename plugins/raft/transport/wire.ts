import { readU64, writeU64 } from '../../../storage/keys.ts'
import type { NodeId } from '../core/index.ts'

const idBytes = 8

/** Writes numbers (big-endian), ids, texts and bytes one after another into a buffer that has room for them. */
export class WireWriter {
  readonly #buffer: Buffer
  #at: number

  constructor (buffer: Buffer, at: number) {
    this.#buffer = buffer
    this.#at = at
  }

  /** Where the next byte goes. */
  get at (): number {
    return this.#at
  }

  u8 (value: number): this {
    this.#buffer[this.#at++] = value
    return this
  }

  u16 (value: number): this {
    this.#at = this.#buffer.writeUInt16BE(value, this.#at)
    return this
  }

  u32 (value: number): this {
    this.#at = this.#buffer.writeUInt32BE(value, this.#at)
    return this
  }

  u64 (value: number): this {
    this.#at = writeU64(this.#buffer, value, this.#at)
    return this
  }

  flag (value: boolean): this {
    return this.u8(value ? 1 : 0)
  }

  /** A node's id, 16 hex digits, as 8 bytes. */
  id (id: NodeId): this {
    if (id.length !== 2 * idBytes || this.#buffer.write(id, this.#at, idBytes, 'hex') !== idBytes) {
      throw new RangeError(`${id} is no node id of 16 hex digits`)
    }
    this.#at += idBytes
    return this
  }

  /** UTF-8, at most 65,535 bytes of it, with its length before it. */
  text (value: string): this {
    const length = Buffer.byteLength(value)
    this.u16(length)
    this.#at += this.#buffer.write(value, this.#at, length)
    return this
  }

  /** With their length before them. */
  bytes (value: Buffer): this {
    this.u32(value.length)
    return this.raw(value)
  }

  raw (value: Buffer): this {
    this.#buffer.set(value, this.#at)
    this.#at += value.length
    return this
  }
}

/**
 * Reads what a WireWriter wrote. Bytes come back as views. It trusts nothing: what is not there, or could not have been
 * written, is a RangeError.
 */
export class WireReader {
  readonly #buffer: Buffer
  #at = 0

  constructor (buffer: Buffer) {
    this.#buffer = buffer
  }

  get done (): boolean {
    return this.#at === this.#buffer.length
  }

  u8 (): number {
    return this.#buffer[this.#skip(1)]!
  }

  u16 (): number {
    return this.#buffer.readUInt16BE(this.#skip(2))
  }

  u32 (): number {
    return this.#buffer.readUInt32BE(this.#skip(4))
  }

  u64 (): number {
    const value = readU64(this.#buffer, this.#skip(8))
    if (value > Number.MAX_SAFE_INTEGER) throw new RangeError('a number that is too large')
    return value
  }

  flag (): boolean {
    const value = this.u8()
    if (value > 1) throw new RangeError('a flag that is neither set nor unset')
    return value === 1
  }

  id (): NodeId {
    const at = this.#skip(idBytes)
    return this.#buffer.toString('hex', at, at + idBytes)
  }

  text (): string {
    const length = this.u16()
    const at = this.#skip(length)
    return this.#buffer.toString('utf8', at, at + length)
  }

  bytes (): Buffer {
    return this.raw(this.u32())
  }

  raw (bytes: number): Buffer {
    const at = this.#skip(bytes)
    return this.#buffer.subarray(at, at + bytes)
  }

  /** Returns where the bytes begin that are skipped. */
  #skip (bytes: number): number {
    const at = this.#at
    if (bytes > this.#buffer.length - at) throw new RangeError('the bytes end before their content')
    this.#at = at + bytes
    return at
  }
}
