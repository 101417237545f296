import type { Socket } from 'node:net'
import type { Message, NodeId } from '../core/index.ts'
import { splitAddress, type Address } from './address.ts'
import { Backoff } from './backoff.ts'
import { messageBytesMax } from './codec.ts'
import { dial } from './dial.ts'
import { frameKinds } from './frames.ts'
import type { PeerRefusal } from './handshake.ts'
import { Link } from './link.ts'
import type { CompleteOptions } from './options.ts'
import { PeerError } from './peer-error.ts'
import { Requests } from './requests.ts'

/** How a peer is, for those who look at the cluster. */
export interface PeerStatus {
  id: NodeId
  address: string | null
  /** Whether this node can send to it. */
  connected: boolean
  /** Milliseconds since 1970 when that connection began; null while there is none. */
  since: number | null
  /** Milliseconds since 1970 of the last bytes from it, on any connection; null before any. */
  lastSeen: number | null
  bytesSent: number
  bytesReceived: number
  messagesDropped: number
  /** What it has against this node, if it said so last. */
  refusal: PeerRefusal | null
}

/** The one connection on which this node speaks to a peer: dialled again and again, with pauses that grow. */
export class Outgoing {
  readonly id: NodeId
  readonly #options: CompleteOptions
  readonly #backoff: Backoff
  readonly #requests: Requests
  #link: Link | null = null
  #since: number | null = null
  /** Ends an attempt that is under way. */
  #abandon: (() => void) | null = null
  #retry: NodeJS.Timeout | null = null
  /** What was dialled last. */
  #address: string | null = null
  /** What this node said of its own address then. */
  #told: string | null = null
  #lastSeen: number | null = null
  /** On connections that have ended. */
  #sentBefore = 0
  #received = 0
  #dropped = 0
  #refusal: PeerRefusal | null = null
  /** Why it could not be reached last, unless nobody answered. */
  #failure: string | null = null
  /** The peer takes less than it is sent: nothing more is given to it until half of the buffer is empty. */
  #isFull = false
  /** It was told that messages are being lost. */
  #isLost = false
  readonly #sockets = new Set<Socket>()
  #closed = false

  constructor (id: NodeId, options: CompleteOptions) {
    this.id = id
    this.#options = options
    this.#backoff = new Backoff(options.backoffMinMs, options.backoffMaxMs)
    this.#requests = new Requests(id)
    this.#dial()
  }

  get status (): PeerStatus {
    return {
      id: this.id,
      address: this.#options.addressOf(this.id),
      connected: this.#link !== null,
      since: this.#since,
      lastSeen: this.#lastSeen,
      bytesSent: this.#sentBefore + (this.#link?.outbox.sentBytes ?? 0),
      bytesReceived: this.#received,
      messagesDropped: this.#dropped,
      refusal: this.#refusal,
    }
  }

  /**
   * The peer may be elsewhere now, or this node: if so the peer is dialled, at once, where it is and with what it must
   * know. An address is told in the handshake alone, and a node dials before it knows its own.
   */
  refresh (): void {
    if (!this.#isStale) return
    if (this.#link === null) return this.hurry()
    const isMoved = this.#told === this.#options.advertised()
    this.#link.cut(isMoved ? 'the peer is at another address now' : 'this node tells its address')
  }

  get #isStale (): boolean {
    return this.#options.addressOf(this.id) !== this.#address || this.#options.advertised() !== this.#told
  }

  /** The peer has shown up: there is no use in waiting. */
  hurry (): void {
    if (this.#closed || this.#link !== null || (this.#abandon !== null && !this.#isStale)) return
    this.#backoff.reset()
    this.#dial()
  }

  /** The peer was heard on its own connection. */
  heard (bytes: number): void {
    this.#lastSeen = Date.now()
    this.#received += bytes
  }

  send (message: Message): void {
    const link = this.#link
    const { frameBytesMax, log } = this.#options
    if (link === null || this.#takesNothing(link)) return this.#drop()
    if (messageBytesMax(message) >= frameBytesMax) {
      const facts = { peer: this.id, type: message.type, bytes: messageBytesMax(message), frameBytesMax }
      if (!this.#isLost) log.error(facts, 'a message is longer than a frame may be; it is not sent')
      return this.#drop()
    }
    link.outbox.message(message)
  }

  request (method: number, body: Buffer, timeoutMs: number): Promise<Buffer> {
    const link = this.#link
    if (link === null) return Promise.reject(new PeerError(`there is no connection to ${this.id}`, false))
    if (this.#takesNothing(link)) return Promise.reject(new PeerError(`${this.id} takes nothing more for now`, false))
    if (body.length + 6 > this.#options.frameBytesMax) {
      return Promise.reject(new PeerError(`the request of ${body.length} bytes is longer than a frame may be`, false))
    }
    return this.#requests.wait(timeoutMs, (number) => {
      const head = Buffer.allocUnsafe(5)
      head.writeUInt32BE(number, 0)
      head[4] = method
      link.outbox.frame(frameKinds.request, [head, body])
    })
  }

  /** Resolves when its sockets are closed. */
  async close (): Promise<void> {
    this.#closed = true
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#abandon?.()
    this.#link?.cut('this node closed the connection')
    await Promise.all([...this.#sockets].map((socket) => new Promise<void>((resolve) => {
      socket.once('close', resolve)
      socket.destroy()
    })))
  }

  #takesNothing ({ outbox }: Link): boolean {
    const { bufferBytesMax } = this.#options
    this.#isFull = outbox.waitingBytes >= (this.#isFull ? bufferBytesMax / 2 : bufferBytesMax)
    if (!this.#isFull) this.#isLost = false
    return this.#isFull
  }

  #drop (): void {
    this.#dropped++
    this.#lost()
  }

  #lost (): void {
    if (this.#isLost || this.#closed) return
    this.#isLost = true
    this.#options.onUnreachable(this.id)
  }

  #dial (): void {
    const { clusterId, nodeId, instance, addressOf, advertised, versions, dialTimeoutMs, connect } = this.#options
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#retry = null
    this.#abandon?.()
    this.#abandon = null
    const cluster = clusterId()
    const text = addressOf(this.id)
    this.#address = text
    const address = text === null ? null : this.#split(text)
    if (cluster === null || address === null) return this.#again()
    this.#told = advertised()
    const hello = { versions, clusterId: cluster, from: nodeId(), instance, to: this.id, address: this.#told }
    const ended = (): void => { this.#abandon = null }
    this.#abandon = dial({
      address,
      hello,
      timeoutMs: dialTimeoutMs,
      connect: (host, port, id) => this.#keep(connect(host, port, id)),
      onConnected: (socket, head, version) => {
        ended()
        this.#connected(socket, head, version)
      },
      onRefused: (refusal) => {
        ended()
        this.#refused(refusal)
        this.#again()
      },
      onFailed: (error) => {
        ended()
        this.#unreachable(error)
        this.#again()
      },
    })
  }

  /** That nobody answers is to be expected. What has another cause, as a certificate has, is told once. */
  #unreachable (error: NodeJS.ErrnoException): void {
    const isOrdinary = error.code === undefined || /^E(?!RR_)[A-Z_]+$/.test(error.code)
    const isNew = !isOrdinary && this.#failure !== error.message
    this.#failure = isOrdinary ? null : error.message
    this.#options.log[isNew ? 'warn' : 'debug']({ peer: this.id, address: this.#address, err: error },
      'a peer cannot be reached: %s', error.message)
  }

  #keep (socket: Socket): Socket {
    this.#sockets.add(socket)
    return socket.once('close', () => this.#sockets.delete(socket))
  }

  #split (text: string): Address | null {
    try {
      return splitAddress(text)
    } catch (error) {
      this.#options.log.debug({ peer: this.id, err: error }, 'a peer cannot be dialled')
      return null
    }
  }

  #connected (socket: Socket, head: Buffer, version: number): void {
    const { log, idleMs, frameBytesMax, backoffMaxMs, onConnected } = this.#options
    const begun = performance.now()
    const link = new Link(socket, head, {
      frameBytesMax,
      idleMs,
      asks: true,
      onFrame: (kind, payload) => {
        if (kind === frameKinds.response) this.#requests.answered(payload)
        else if (kind === frameKinds.failure) this.#requests.failed(payload)
      },
      onBytes: (bytes) => this.heard(bytes),
      onFault: (error) => {
        log.warn({ peer: this.id, address: this.#address, err: error }, 'a peer answered what cannot be understood')
      },
      onClosed: (reason) => {
        // What ends soon after it began is not dialled again and again without a pause.
        if (performance.now() - begun > backoffMaxMs) this.#backoff.reset()
        this.#disconnected(link, reason)
      },
    })
    this.#link = link
    this.#since = this.#lastSeen = Date.now()
    this.#refusal = null
    this.#failure = null
    this.#isFull = false
    this.#isLost = false
    log.info({ peer: this.id, address: this.#address, version }, 'connected to a peer')
    onConnected(this.id)
  }

  #disconnected (link: Link, reason: string): void {
    this.#link = null
    this.#since = null
    this.#sentBefore += link.outbox.sentBytes
    this.#requests.failAll(reason)
    if (this.#closed) return
    this.#options.log.info({ peer: this.id, address: this.#address }, 'lost the connection to a peer: %s', reason)
    this.#lost()
    if (this.#isStale) this.#dial()
    else this.#again()
  }

  /** Told once, however often it is heard. */
  #refused (refusal: PeerRefusal): void {
    const before = this.#refusal
    this.#refusal = refusal
    if (before?.code === refusal.code && before.reason === refusal.reason) return
    const { log, onRefused } = this.#options
    // A node that is about to join is not ready for a moment.
    const level = refusal.code === 'not-ready' ? 'info' : 'warn'
    log[level]({ peer: this.id, address: this.#address, ...refusal }, 'a peer refuses this node: %s', refusal.reason)
    onRefused(this.id, refusal)
  }

  #again (): void {
    // What was told above may have had this peer dropped, or dialled.
    if (this.#closed || this.#retry !== null || this.#abandon !== null || this.#link !== null) return
    this.#retry = setTimeout(() => this.#dial(), this.#backoff.next())
  }
}
