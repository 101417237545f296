import type { NodeId } from '../core/index.ts'
import { PeerError } from './peer-error.ts'

interface Waiting {
  resolve: (body: Buffer) => void
  reject: (error: PeerError) => void
  timer: NodeJS.Timeout
}

/** Requests to one peer that wait for their answers. */
export class Requests {
  readonly #peer: NodeId
  #number = 0
  readonly #waiting = new Map<number, Waiting>()

  constructor (peer: NodeId) {
    this.#peer = peer
  }

  /** `send` gets the request's number. */
  wait (timeoutMs: number, send: (number: number) => void): Promise<Buffer> {
    const number = this.#number = (this.#number + 1) >>> 0
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(number)
        reject(new PeerError(`${this.#peer} did not answer within ${timeoutMs} ms`, true))
      }, timeoutMs)
      this.#waiting.set(number, { resolve, reject, timer })
      send(number)
    })
  }

  /** An answer to what nobody waits for any more is passed over. */
  answered (payload: Buffer): void {
    this.#take(payload)?.resolve(payload.subarray(4))
  }

  failed (payload: Buffer): void {
    this.#take(payload)?.reject(new PeerError(payload.toString('utf8', 4), true))
  }

  failAll (reason: string): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject, timer } of waiting) {
      clearTimeout(timer)
      reject(new PeerError(`${this.#peer} did not answer: ${reason}`, true))
    }
  }

  #take (payload: Buffer): Waiting | undefined {
    const number = payload.readUInt32BE(0)
    const waiting = this.#waiting.get(number)
    this.#waiting.delete(number)
    if (waiting !== undefined) clearTimeout(waiting.timer)
    return waiting
  }
}
