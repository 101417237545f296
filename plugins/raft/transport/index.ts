import type { Server } from 'node:http'
import type { Message, NodeId } from '../core/index.ts'
import { Incoming } from './incoming.ts'
import { defaults, type CompleteOptions, type TransportOptions } from './options.ts'
import { Outgoing, type PeerStatus } from './outgoing.ts'
import { PeerError } from './peer-error.ts'

export { hostOf, joinAddress, splitAddress } from './address.ts'
export { PeerError } from './peer-error.ts'
export { callerHeaders, readCaller, type Caller, type PeerRefusal } from './handshake.ts'
export type { PeerStatus } from './outgoing.ts'
export { connectPlainly, type Connect, type PeerClaim, type TransportOptions } from './options.ts'

/**
 * Messages and requests between the nodes of a cluster. Each node dials every other one and speaks on the connection
 * that it dialled; what comes from a peer comes on the peer's.
 */
export class Transport {
  readonly #options: CompleteOptions
  readonly #outgoing = new Map<NodeId, Outgoing>()
  readonly #incoming: Incoming
  /** Of peers that were dropped, and whose sockets may not be closed yet. */
  readonly #closing = new Set<Promise<void>>()
  #closed = false

  constructor (options: TransportOptions) {
    this.#options = { ...defaults, ...options }
    this.#incoming = new Incoming({
      ...this.#options,
      onArrived: (id) => {
        this.#outgoing.get(id)?.refresh()
        this.#outgoing.get(id)?.hurry()
      },
      onHeard: (id, bytes) => { this.#outgoing.get(id)?.heard(bytes) },
    })
  }

  /** Who the others are now. To be called too when a member's address may have changed, or who is admitted. */
  setPeers (ids: Iterable<NodeId>): void {
    if (this.#closed) return
    const wanted = new Set(ids)
    wanted.delete(this.#options.nodeId())
    for (const [id, outgoing] of this.#outgoing) {
      if (wanted.has(id)) continue
      this.#outgoing.delete(id)
      const closed = outgoing.close()
      this.#closing.add(closed)
      void closed.then(() => this.#closing.delete(closed))
    }
    for (const id of wanted) {
      const outgoing = this.#outgoing.get(id)
      if (outgoing === undefined) this.#outgoing.set(id, new Outgoing(id, this.#options))
      else outgoing.refresh()
    }
    this.#incoming.review()
  }

  /** What cannot be sent now is dropped: the core sends again what matters. */
  send (message: Message): void {
    this.#outgoing.get(message.to)?.send(message)
  }

  /** @throws PeerError, whose `sent` is false when the peer certainly got nothing */
  async request (to: NodeId, method: number, body: Buffer, timeoutMs: number): Promise<Buffer> {
    const outgoing = this.#outgoing.get(to)
    if (outgoing === undefined) throw new PeerError(`${to} is no peer`, false)
    return await outgoing.request(method, body, timeoutMs)
  }

  /** Takes the peers' connections to the server, which may serve other requests too. */
  attach (server: Server): void {
    this.#incoming.attach(server)
  }

  peers (): PeerStatus[] {
    return [...this.#outgoing.values()].map(({ status }) => status)
  }

  /**
   * Resolves when all sockets are closed. A server's own `close` waits for the peers' connections to it: it never ends
   * before this was called.
   */
  async close (): Promise<void> {
    this.#closed = true
    const outgoing = [...this.#outgoing.values()]
    this.#outgoing.clear()
    await Promise.all([...outgoing.map((each) => each.close()), ...this.#closing, this.#incoming.close()])
  }
}
