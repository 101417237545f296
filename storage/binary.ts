import { readU64, writeU64 } from './keys.ts'

/** Grows as it is written to; one scratch buffer serves all, because a writer is used within one turn. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024)

/** Above this the scratch buffer is not kept: one large command must not hold memory for ever. */
const scratchKeptBytes = 1024 * 1024

/** Writes numbers, texts and bytes one after another. Used within one turn of the event loop, one at a time. */
export class BinaryWriter {
  #buffer = scratch
  #at = 0

  #room (bytes: number): Buffer {
    const needed = this.#at + bytes
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
      this.#buffer.copy(larger, 0, 0, this.#at)
      this.#buffer = larger
      if (larger.length <= scratchKeptBytes) scratch = larger
    }
    return this.#buffer
  }

  u8 (value: number): this {
    this.#room(1)[this.#at] = value
    this.#at += 1
    return this
  }

  u16 (value: number): this {
    this.#room(2).writeUInt16BE(value, this.#at)
    this.#at += 2
    return this
  }

  u32 (value: number): this {
    this.#room(4).writeUInt32BE(value, this.#at)
    this.#at += 4
    return this
  }

  u64 (value: number): this {
    this.#at = writeU64(this.#room(8), value, this.#at)
    return this
  }

  /** At most 65,535 bytes of UTF-8. */
  text (value: string): this {
    // Three bytes is the most that one UTF-16 unit takes.
    const buffer = this.#room(2 + value.length * 3)
    const length = buffer.write(value, this.#at + 2)
    if (length > 0xffff) throw new RangeError('a text of more than 65,535 bytes')
    buffer.writeUInt16BE(length, this.#at)
    this.#at += 2 + length
    return this
  }

  bytes (value: Buffer): this {
    this.u32(value.length)
    value.copy(this.#room(value.length), this.#at)
    this.#at += value.length
    return this
  }

  /** UTF-8 without its length. */
  unmeasured (value: string): this {
    this.#at += this.#room(value.length * 3).write(value, this.#at)
    return this
  }

  /** Bytes without their length. */
  raw (value: Buffer): this {
    value.copy(this.#room(value.length), this.#at)
    this.#at += value.length
    return this
  }

  get length (): number {
    return this.#at
  }

  /** A copy of its own. */
  finish (): Buffer {
    const copy = Buffer.allocUnsafe(this.#at)
    this.#buffer.copy(copy, 0, 0, this.#at)
    return copy
  }
}

/** Reads what a BinaryWriter wrote. Bytes come back as views, not copies. */
export class BinaryReader {
  readonly #buffer: Buffer
  #at: number

  constructor (buffer: Buffer, at = 0) {
    this.#buffer = buffer
    this.#at = at
  }

  u8 (): number {
    return this.#buffer.readUInt8(this.#at++)
  }

  u16 (): number {
    const value = this.#buffer.readUInt16BE(this.#at)
    this.#at += 2
    return value
  }

  u32 (): number {
    const value = this.#buffer.readUInt32BE(this.#at)
    this.#at += 4
    return value
  }

  u64 (): number {
    const value = readU64(this.#buffer, this.#at)
    this.#at += 8
    return value
  }

  text (): string {
    const length = this.u16()
    const at = this.#skip(length)
    return this.#buffer.toString('utf8', at, at + length)
  }

  bytes (): Buffer {
    return this.#take(this.u32())
  }

  raw (length: number): Buffer {
    return this.#take(length)
  }

  #take (length: number): Buffer {
    const at = this.#skip(length)
    return this.#buffer.subarray(at, at + length)
  }

  /** Returns where the bytes begin that are skipped. */
  #skip (length: number): number {
    const at = this.#at
    if (length > this.#buffer.length - at) throw new RangeError('the record ends before its content')
    this.#at = at + length
    return at
  }

  get done (): boolean {
    return this.#at === this.#buffer.length
  }
}
