import type { Socket } from 'node:net'
import { frameKinds, FrameReader } from './frames.ts'
import { Outbox } from './outbox.ts'
import { Pulse } from './pulse.ts'

export interface LinkOptions {
  frameBytesMax: number
  idleMs: number
  /** Whoever dialled asks whether the other still lives; who was dialled listens for that. */
  asks: boolean
  onFrame: (kind: number, payload: Buffer) => void
  onBytes: (bytes: number) => void
  /** What came cannot be understood; the connection is cut. */
  onFault: (error: Error) => void
  /** Called once. The reason is a sentence without its end. */
  onClosed: (reason: string) => void
}

/** A connection after the handshake: frames in, frames out, until one side ends it or is silent for too long. */
export class Link {
  readonly outbox: Outbox
  readonly #socket: Socket
  #reason: string | null = null

  /** `head` is what came together with the end of the handshake. */
  constructor (socket: Socket, head: Buffer, options: LinkOptions) {
    const { frameBytesMax, idleMs, asks, onFrame, onBytes, onFault, onClosed } = options
    this.#socket = socket
    this.outbox = new Outbox(socket)
    socket.setTimeout(0)
    socket.setNoDelay(true)
    const reader = new FrameReader(frameBytesMax, (kind, payload) => {
      if (kind === frameKinds.ping) this.outbox.frame(frameKinds.pong)
      else if (!socket.destroyed) onFrame(kind, payload)
    })
    const pulse = new Pulse(idleMs, {
      onBeat: () => { if (asks) this.outbox.frame(frameKinds.ping) },
      onSilent: () => this.cut(`there was no sign of life for ${idleMs} ms`),
    })
    const push = (chunk: Buffer): void => {
      pulse.heard()
      onBytes(chunk.length)
      try {
        reader.push(chunk)
      } catch (error) {
        onFault(error as Error)
        this.cut(`what came cannot be understood: ${(error as Error).message}`)
      }
    }
    socket.on('data', push)
    socket.on('end', () => this.cut('the peer closed the connection'))
    socket.on('error', (error) => this.cut(`the connection broke: ${error.message}`))
    socket.once('close', () => {
      pulse.stop()
      onClosed(this.#reason ?? 'the connection was closed')
    })
    if (head.length > 0) push(head)
  }

  cut (reason: string): void {
    this.#reason ??= reason
    this.#socket.destroy()
  }
}
