import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { NodeId } from '../core/index.ts'
import { Accepted } from './accepted.ts'
import { hostOf } from './address.ts'
import { Doorstep } from './doorstep.ts'
import {
  commonVersion, readHello, refusalOf, refused, welcome, type Hello, type PeerRefusal,
} from './handshake.ts'
import type { CompleteOptions } from './options.ts'
import { Processes } from './processes.ts'
import { addressOfStranger, strangeness } from './stranger.ts'
import { Told } from './told.ts'

export interface IncomingOptions extends CompleteOptions {
  /** The peer has connected. */
  onArrived: (id: NodeId) => void
  onHeard: (id: NodeId, bytes: number) => void
}

/** So long a node that was refused may take to read why. */
const partingMs = 1000

/** The connections on which peers speak to this node: at most one of each. */
export class Incoming {
  readonly #options: IncomingOptions
  readonly #accepted = new Map<NodeId, Accepted>()
  readonly #doorstep: Doorstep
  readonly #told = new Told()
  readonly #processes: Processes
  /** All that must be closed before this is: accepted, replaced and refused. */
  readonly #sockets = new Set<Duplex>()
  #detach = (): void => {}
  #closed = false

  constructor (options: IncomingOptions) {
    this.#options = options
    this.#processes = new Processes({ ...options, isConnected: (id) => this.#accepted.has(id) })
    this.#doorstep = new Doorstep({
      timeoutMs: options.handshakeTimeoutMs,
      max: options.handshakesMax,
      onCut: (socket, reason) => this.#tellOfStranger(socket, reason),
    })
  }

  attach (server: Server): void {
    const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      this.#upgrade(request, socket as Socket, head)
    }
    const garbage = (error: NodeJS.ErrnoException, socket: Duplex): void => {
      const reason = strangeness(error, socket)
      if (reason !== null) this.#tellOfStranger(socket, reason)
      socket.destroy()
    }
    this.#doorstep.attach(server)
    server.on('upgrade', upgrade).on('clientError', garbage)
    this.#detach = () => { server.off('upgrade', upgrade).off('clientError', garbage) }
  }

  /** Cuts off whoever may not talk to this node any more. */
  review (): void {
    for (const [id, accepted] of this.#accepted) {
      const refusal = this.#options.admit(id)
      if (refusal !== null) accepted.cut(refusal.reason)
    }
  }

  /** Resolves when all sockets are closed. */
  async close (): Promise<void> {
    this.#closed = true
    this.#detach()
    this.#doorstep.close()
    await Promise.all([...this.#sockets].map((socket) => new Promise<void>((resolve) => {
      socket.once('close', resolve)
      socket.destroy()
    })))
  }

  #upgrade (request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.#doorstep.leave(socket)
    if (this.#closed || socket.destroyed) return void socket.destroy()
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    const { nodeId, clusterId, admit, versions } = this.#options
    const hello = readHello(request)
    if (hello === null) {
      const refusal: PeerRefusal = { code: 'protocol', reason: 'it asks for an upgrade that no node asks for' }
      this.#tellOfStranger(socket, refusal.reason)
      return this.#refuse(socket, refusal)
    }
    const refusalNow = (): PeerRefusal | null => {
      const own = { versions, clusterId: clusterId(), nodeId: nodeId(), admit }
      return this.#strangerRefusal(socket, hello) ?? refusalOf(hello, own)
    }
    const refusal = refusalNow()
    if (refusal !== null) return this.#turnAway(socket, hello, refusal)
    if (this.#processes.isLast(hello.from, hello.instance)) return this.#accept(socket, head, hello)
    socket.on('error', () => socket.destroy())
    this.#processes.refusal(hello.from, hello.instance).then((found) => {
      if (this.#closed || socket.destroyed) return void socket.destroy()
      const later = found ?? refusalNow()
      if (later === null) this.#accept(socket, head, hello)
      else this.#turnAway(socket, hello, later)
    }).catch((error: unknown) => {
      this.#options.log.error({ peer: hello.from, err: error }, 'a peer could not be let in')
      socket.destroy()
    })
  }

  #turnAway (socket: Socket, { from }: Hello, refusal: PeerRefusal): void {
    if (this.#told.isNew(from, `${refusal.code} ${refusal.reason}`)) {
      this.#options.log.warn({ peer: from, remoteAddress: socket.remoteAddress, ...refusal }, 'refused a node: %s', refusal.reason)
    }
    this.#refuse(socket, refusal)
  }

  #strangerRefusal (socket: Socket, { from, address }: Hello): PeerRefusal | null {
    const { mismatch, addressOf } = this.#options
    // A node that has just started may not know yet where it listens; the others do.
    const reason = mismatch(socket, { id: from, host: hostOf(address ?? addressOf(from)) })
    return reason === null ? null : { code: 'wrong-certificate', reason }
  }

  #accept (socket: Socket, head: Buffer, { from, instance, address, versions }: Hello): void {
    const version = commonVersion(versions, this.#options.versions)!
    const { nodeId, log, onAddress, onArrived, onHeard } = this.#options
    this.#told.forget(from)
    this.#processes.learn(from, { instance, address })
    // The newest connection counts: the older one may be of a life before.
    this.#accepted.get(from)?.cut('it was replaced by a newer one')
    socket.write(welcome(nodeId(), version))
    log.debug({ peer: from, address, version }, 'a peer has connected')
    if (address !== null) onAddress(from, address)
    const accepted = new Accepted(from, socket, head, {
      ...this.#options,
      onBytes: (bytes) => onHeard(from, bytes),
      onFault: (error) => {
        log.warn({ peer: from, remoteAddress: socket.remoteAddress, err: error }, 'a peer sent what cannot be understood')
      },
      onClosed: (reason) => {
        if (this.#accepted.get(from) === accepted) this.#accepted.delete(from)
        log.debug({ peer: from }, 'the connection of a peer has ended: %s', reason)
      },
    })
    this.#accepted.set(from, accepted)
    onArrived(from)
  }

  #refuse (socket: Socket, refusal: PeerRefusal): void {
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.destroy())
    const timer = setTimeout(() => socket.destroy(), partingMs)
    socket.once('close', () => clearTimeout(timer))
    socket.resume()
    socket.end(refused(refusal))
  }

  /** Once for each address and reason: whoever scans the port does not fill the log. */
  #tellOfStranger (socket: Duplex, reason: string): void {
    const remoteAddress = addressOfStranger(socket)
    if (!this.#told.isNew(`stranger at ${remoteAddress}`, reason)) return
    this.#options.log.warn({ remoteAddress }, 'a stranger at the listener for other nodes was cut off: %s', reason)
  }
}
