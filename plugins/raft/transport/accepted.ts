import type { Socket } from 'node:net'
import type { NodeId } from '../core/index.ts'
import { decodeMessage } from './codec.ts'
import { frameKinds } from './frames.ts'
import { Link } from './link.ts'
import type { CompleteOptions } from './options.ts'

export interface AcceptedOptions extends CompleteOptions {
  onBytes: (bytes: number) => void
  onFault: (error: Error) => void
  onClosed: (reason: string) => void
}

/** What a node may pass on for another. */
const passedOn: ReadonlySet<string> = new Set(['transfer-leader', 'propose', 'read-index'])

/** The connection on which a peer speaks to this node. */
export class Accepted {
  readonly #from: NodeId
  readonly #options: AcceptedOptions
  readonly #link: Link

  constructor (from: NodeId, socket: Socket, head: Buffer, options: AcceptedOptions) {
    const { frameBytesMax, idleMs, onBytes, onFault, onClosed } = options
    this.#from = from
    this.#options = options
    this.#link = new Link(socket, head, {
      frameBytesMax,
      idleMs,
      asks: false,
      onFrame: (kind, payload) => this.#onFrame(kind, payload),
      onBytes,
      onFault,
      onClosed,
    })
  }

  cut (reason: string): void {
    this.#link.cut(reason)
  }

  #onFrame (kind: number, payload: Buffer): void {
    if (kind === frameKinds.message) this.#message(payload)
    else if (kind === frameKinds.request) this.#request(payload)
  }

  #message (payload: Buffer): void {
    const message = decodeMessage(payload)
    const { type, from, to } = message
    if (from !== this.#from && !passedOn.has(type)) throw new RangeError(`a message of ${from} came from ${this.#from}`)
    if (to !== this.#options.nodeId()) throw new RangeError(`a message to ${to} came to this node`)
    try {
      this.#options.onMessage(message)
    } catch (error) {
      // The bytes were right, so what is wrong is here.
      this.#options.log.error({ peer: this.#from, type, err: error }, 'a message of a peer could not be handled')
      this.cut('a message could not be handled')
    }
  }

  #request (payload: Buffer): void {
    if (payload.length < 5) throw new RangeError('a request without a number or a method')
    void this.#answer(payload.subarray(0, 4), payload[4]!, payload.subarray(5))
  }

  async #answer (number: Buffer, method: number, question: Buffer): Promise<void> {
    try {
      const body = await this.#options.onRequest(this.#from, method, question)
      this.#respond(frameKinds.response, number, body)
    } catch (error) {
      this.#respond(frameKinds.failure, number, Buffer.from(error instanceof Error ? error.message : String(error)))
    }
  }

  #respond (kind: number, number: Buffer, body: Buffer): void {
    const { bufferBytesMax, frameBytesMax } = this.#options
    const { outbox } = this.#link
    if (outbox.waitingBytes > bufferBytesMax) return this.cut('it asks, and does not take the answers')
    if (body.length + 5 <= frameBytesMax) return outbox.frame(kind, [number, body])
    outbox.frame(frameKinds.failure, [number, Buffer.from(`the answer of ${body.length} bytes is longer than a frame may be`)])
  }
}
