import type { Socket } from 'node:net'
import type { Message } from '../core/index.ts'
import { messageBytesMax, writeMessage } from './codec.ts'
import { frameHeadBytes, frameKinds, writeFrameHead } from './frames.ts'

const chunkBytes = 64 * 1024

/**
 * Frames on their way out. They are written one after another into chunks of memory that are used again: to fill fresh
 * memory costs more than to copy the frames. Whatever gathers while the socket is busy goes out together after that.
 */
export class Outbox {
  readonly #socket: Socket
  /** The chunk that is being filled, and up to where it is full. */
  #chunk: Buffer | null = null
  #at = 0
  /** Full chunks before it. */
  #full: Buffer[] = []
  /** A chunk to be used next. */
  #spare: Buffer | null = null
  #isWriting = false
  #isDueSoon = false
  #isDueLater = false
  #waiting = 0
  #sent = 0

  constructor (socket: Socket) {
    this.#socket = socket
  }

  /** Bytes that the operating system has not taken yet. */
  get waitingBytes (): number {
    return this.#waiting
  }

  /** Bytes that it took. */
  get sentBytes (): number {
    return this.#sent
  }

  /** Messages come all at once, when the core has done its turn: they go out as soon as that has ended. */
  message (message: Message): void {
    const chunk = this.#room(frameHeadBytes + messageBytesMax(message))
    const end = writeMessage(message, chunk, this.#at + frameHeadBytes)
    writeFrameHead(chunk, this.#at, frameKinds.message, end - this.#at - frameHeadBytes)
    this.#filledTo(end)
    if (this.#isDueSoon) return
    this.#isDueSoon = true
    process.nextTick(() => {
      this.#isDueSoon = false
      this.#flush()
    })
  }

  /** All else comes from many callers, each in a callback of its own: it goes out when all of them had their turn. */
  frame (kind: number, parts: readonly Uint8Array[] = []): void {
    let bytes = 0
    for (const part of parts) bytes += part.length
    const chunk = this.#room(frameHeadBytes + bytes)
    writeFrameHead(chunk, this.#at, kind, bytes)
    let at = this.#at + frameHeadBytes
    for (const part of parts) {
      chunk.set(part, at)
      at += part.length
    }
    this.#filledTo(at)
    if (this.#isDueLater) return
    this.#isDueLater = true
    setImmediate(() => {
      this.#isDueLater = false
      this.#flush()
    })
  }

  #filledTo (end: number): void {
    this.#waiting += end - this.#at
    this.#at = end
  }

  #room (bytes: number): Buffer {
    if (this.#chunk !== null && this.#chunk.length - this.#at >= bytes) return this.#chunk
    if (this.#chunk !== null && this.#at > 0) this.#full.push(this.#chunk.subarray(0, this.#at))
    this.#at = 0
    if (bytes <= chunkBytes) {
      this.#chunk = this.#spare ?? Buffer.allocUnsafeSlow(chunkBytes)
      this.#spare = null
    } else {
      this.#chunk = Buffer.allocUnsafeSlow(bytes)
    }
    return this.#chunk
  }

  #flush (): void {
    if (this.#isWriting || this.#waiting === 0 || this.#socket.destroyed) return
    const chunk = this.#chunk!
    const bytes = this.#waiting
    this.#isWriting = true
    this.#socket.cork()
    for (const full of this.#full) this.#socket.write(full)
    this.#socket.write(chunk.subarray(0, this.#at), (error) => {
      if (error !== null && error !== undefined) return
      if (chunk.length === chunkBytes) this.#spare = chunk
      this.#isWriting = false
      this.#waiting -= bytes
      this.#sent += bytes
      this.#flush()
    })
    this.#socket.uncork()
    this.#full = []
    this.#chunk = null
    this.#at = 0
  }
}
