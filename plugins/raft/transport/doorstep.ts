import type { Server } from 'node:http'
import { Server as TlsServer } from 'node:tls'
import type { Duplex } from 'node:stream'
import type { IncomingMessage } from 'node:http'

export interface DoorstepOptions {
  timeoutMs: number
  /** As many may stand there. */
  max: number
  /** Why somebody is cut off. */
  onCut: (socket: Duplex, reason: string) => void
}

/** Whoever has connected to a server and not said yet what it wants: not for long, and not many. */
export class Doorstep {
  readonly #options: DoorstepOptions
  readonly #waiting = new Map<Duplex, NodeJS.Timeout>()
  #detach = (): void => {}

  constructor (options: DoorstepOptions) {
    this.#options = options
  }

  attach (server: Server): void {
    // Requests of a server with TLS come on sockets that exist after TLS's own handshake, which has its own limit.
    const event = server instanceof TlsServer ? 'secureConnection' : 'connection'
    const enter = (socket: Duplex): void => { this.#enter(socket) }
    const leave = ({ socket }: IncomingMessage): void => { this.leave(socket) }
    server.on(event, enter).on('request', leave)
    this.#detach = () => { server.off(event, enter).off('request', leave) }
  }

  leave (socket: Duplex): void {
    clearTimeout(this.#waiting.get(socket))
    this.#waiting.delete(socket)
  }

  close (): void {
    this.#detach()
    for (const socket of [...this.#waiting.keys()]) {
      this.leave(socket)
      socket.destroy()
    }
  }

  #enter (socket: Duplex): void {
    const { timeoutMs, max } = this.#options
    const [oldest] = this.#waiting.keys()
    if (oldest !== undefined && this.#waiting.size >= max) this.#cut(oldest, `more than ${max} have not said who they are`)
    const timer = setTimeout(() => this.#cut(socket, `it did not say within ${timeoutMs} ms who it is`), timeoutMs).unref()
    this.#waiting.set(socket, timer)
    socket.once('close', () => this.leave(socket))
  }

  #cut (socket: Duplex, reason: string): void {
    this.leave(socket)
    this.#options.onCut(socket, reason)
    socket.destroy()
  }
}
