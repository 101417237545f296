import type { FastifyBaseLogger } from 'fastify'
import type { AddressBook } from './address-book.ts'
import type { NodeId } from './core/index.ts'
import type { Identify } from './identity.ts'
import type { NodeDiscovery } from './node-options.ts'
import type { PeerStatus, Transport } from './transport/index.ts'

export interface LostPeersOptions {
  discovery: Pick<NodeDiscovery, 'resolve' | 'candidates' | 'watch'>
  transport: Pick<Transport, 'peers'>
  identify: Identify
  addresses: Pick<AddressBook, 'learn'>
  /** Has members dialled where they are now. */
  onMoved: () => void
  logger: FastifyBaseLogger
}

/** Who is away for a moment is not looked for: it is dialled where it was. */
const patienceMs = 2000
const backoffMaxMs = 30_000

/**
 * Looks for members that are not where they were: by their id with the provider, and where that knows no ids by asking
 * everybody who may be there. So a cluster finds itself again even when all its nodes have moved at one time.
 */
export class LostPeers {
  readonly #options: LostPeersOptions
  readonly #closing = new AbortController()
  readonly #unwatch: () => void
  #timer: NodeJS.Timeout | null = null
  #waitMs = patienceMs
  #looking: Promise<void> | null = null

  constructor (options: LostPeersOptions) {
    this.#options = options
    this.#unwatch = options.discovery.watch(() => this.#look())
    this.#again()
  }

  close (): void {
    this.#closing.abort()
    this.#unwatch()
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  #again (): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = this.#closing.signal.aborted ? null : setTimeout(() => this.#look(), this.#waitMs).unref()
  }

  #look (): void {
    this.#looking ??= this.#lookForAll().finally(() => {
      this.#looking = null
      this.#again()
    })
  }

  async #lookForAll (): Promise<void> {
    const { transport, addresses, onMoved, logger } = this.#options
    const lost = transport.peers().filter(({ connected }) => !connected)
    this.#waitMs = lost.length === 0 ? patienceMs : Math.min(this.#waitMs * 2, backoffMaxMs)
    if (lost.length === 0) return
    try {
      const whereabouts = await this.#whereabouts(lost)
      this.#closing.signal.throwIfAborted()
      for (const { id, address } of lost) {
        const now = whereabouts.get(id)
        if (now === undefined || now === address) continue
        logger.info({ peer: id, before: address, address: now }, 'a member is found at another address')
        addresses.learn(id, now)
        onMoved()
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) logger.debug({ err: error }, 'lost members cannot be looked for')
    }
  }

  async #whereabouts (lost: readonly PeerStatus[]): Promise<Map<NodeId, string>> {
    const { discovery, identify } = this.#options
    const { signal } = this.#closing
    const whereabouts = new Map<NodeId, string>()
    for (const { id } of lost) {
      const address = await discovery.resolve(id, signal)
      if (address !== null) whereabouts.set(id, address)
    }
    if (whereabouts.size === lost.length) return whereabouts
    await Promise.all((await discovery.candidates(signal)).map(async ({ peerAddress }) => {
      const there = await identify(peerAddress).catch(() => null)
      if (there !== null && !whereabouts.has(there.id)) whereabouts.set(there.id, peerAddress)
    }))
    return whereabouts
  }
}
