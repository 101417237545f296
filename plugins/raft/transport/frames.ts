/**
 * What travels between two nodes after the handshake: frames of a length (u32, of what follows it), a kind (u8) and a
 * payload. Requests, responses and failures begin with the request's number (u32), and in a request its method (u8)
 * follows.
 *
 * Frames of an unknown kind are passed over: a later release may send what an older one can do without. Whatever it
 * cannot do without, a new type of message included, comes with a new version of the protocol.
 */
export const frameKinds = { message: 1, request: 2, response: 3, failure: 4, ping: 5, pong: 6 } as const

export const frameHeadBytes = 5

export function writeFrameHead (target: Buffer, at: number, kind: number, payloadBytes: number): void {
  target.writeUInt32BE(payloadBytes + 1, at)
  target[at + 4] = kind
}

/** Bytes that no node of this protocol would have sent. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/**
 * Cuts a stream of bytes into frames, however it was cut on its way. A payload that came in one piece is a view of that
 * piece, others are put together once; nothing is reserved for what has not come.
 */
export class FrameReader {
  readonly #bytesMax: number
  readonly #onFrame: (kind: number, payload: Buffer) => void
  /** Of the frame that has begun and not ended. */
  #pieces: Buffer[] = []
  #held = 0
  /** Bytes of that frame, its head included; those of the head while the length is not known. */
  #needed = 0

  constructor (bytesMax: number, onFrame: (kind: number, payload: Buffer) => void) {
    this.#bytesMax = bytesMax
    this.#onFrame = onFrame
  }

  /** @throws FrameError when a frame is longer than it may be, and whatever `onFrame` throws */
  push (chunk: Buffer): void {
    let at = this.#held > 0 ? this.#complete(chunk) : 0
    while (chunk.length - at >= frameHeadBytes) {
      const end = at + this.#frameBytes(chunk, at)
      if (end > chunk.length) break
      this.#onFrame(chunk[at + 4]!, chunk.subarray(at + frameHeadBytes, end))
      at = end
    }
    if (at < chunk.length) this.#hold(chunk.subarray(at))
  }

  #hold (piece: Buffer): void {
    this.#pieces.push(piece)
    this.#held = piece.length
    this.#needed = piece.length < frameHeadBytes ? frameHeadBytes : this.#frameBytes(piece, 0)
  }

  /** Takes what the frame that has begun lacks, and returns where the rest of the chunk begins. */
  #complete (chunk: Buffer): number {
    let at = 0
    while (this.#held > 0 && at < chunk.length) {
      const piece = chunk.subarray(at, at + this.#needed - this.#held)
      this.#pieces.push(piece)
      this.#held += piece.length
      at += piece.length
      if (this.#held < this.#needed) break
      const bytes = Buffer.concat(this.#pieces, this.#held)
      this.#pieces = [bytes]
      this.#needed = this.#frameBytes(bytes, 0)
      if (this.#held < this.#needed) continue
      this.#pieces = []
      this.#held = 0
      this.#onFrame(bytes[4]!, bytes.subarray(frameHeadBytes))
    }
    return at
  }

  #frameBytes (bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at)
    if (length < 1 || length > this.#bytesMax) {
      throw new FrameError(`a frame of ${length} bytes, where at least 1 and at most ${this.#bytesMax} are allowed`)
    }
    return 4 + length
  }
}
