import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type {
  Advertised, Candidate, Claim, DiscoveryError, DiscoveryLogger, Listening, Proposed, Provider, Self,
} from '../../discovery/provider.ts'
import { overridden, type Override } from './override.ts'

export interface DiscoveryOptions {
  /** One whose answers are checked. */
  provider: Provider
  override: Override
  logger: DiscoveryLogger
}

const backoffMinMs = 200
const backoffMaxMs = 30_000

/** The chosen provider for the rest of the house: what can be tried again is, and CHANGEWELL_ADVERTISE has its way. */
export class Discovery {
  readonly #options: DiscoveryOptions
  readonly #closing = new AbortController()
  #self: Self | null = null
  #publishing: Promise<void> | null = null

  constructor (options: DiscoveryOptions) {
    this.#options = options
  }

  get name (): string {
    return this.#options.provider.name
  }

  get decidesAlone (): boolean {
    return this.#options.provider.decidesAlone
  }

  claim (proposed: Proposed, signal: AbortSignal): Promise<Claim> {
    return this.#options.provider.claim(proposed, signal)
  }

  candidates (signal: AbortSignal): Promise<Candidate[]> {
    return this.#options.provider.candidates(signal)
  }

  resolve (id: string, signal: AbortSignal): Promise<string | null> {
    return this.#options.provider.resolve(id, signal)
  }

  /** False from a provider that cannot know; CHANGEWELL_REMOVE_GONE_SECONDS is refused with those. */
  async isGone (id: string, signal: AbortSignal): Promise<boolean> {
    return await this.#options.provider.isGone?.(id, signal) ?? false
  }

  watch (changed: () => void): () => void {
    return this.#options.provider.watch(changed)
  }

  /**
   * Where others reach this node. It waits until that is known, and says why it does.
   *
   * @throws DiscoveryError when a setting must be changed first
   */
  async advertise (
    listening: Listening, signal: AbortSignal, onWaiting: (reason: string) => void
  ): Promise<Advertised> {
    const { provider, override, logger } = this.#options
    const asked = override.peer !== null
      ? null
      : await untilDone((each) => provider.advertise(listening, each), signal, (error) => {
        if (error.code === 'DISCOVERY_SETTINGS') throw error
        const reason = `it waits to learn where others reach it: ${error.message}`
        onWaiting(reason)
        logger.warn({ err: error }, reason)
      })
    const advertised = override.peer === null && override.api === null ? asked! : overridden(override, listening, asked)
    const { peerAddress, apiAddress, reason } = advertised
    logger.info({ peerAddress, apiAddress, reason },
      `this node tells nodes to reach it at ${peerAddress} and clients at ${apiAddress}: ${reason}`)
    return advertised
  }

  /** Tells the place who this node is, in the background, until the place knows it. The newest counts. */
  publish (self: Self): void {
    if (isDeepStrictEqual(self, this.#self)) return
    this.#self = self
    this.#publishing ??= this.#publish().finally(() => { this.#publishing = null })
  }

  async close (): Promise<void> {
    const { provider, logger } = this.#options
    this.#closing.abort()
    await this.#publishing
    await provider.close().catch((error: Error) => logger.warn({ err: error }, error.message))
  }

  async #publish (): Promise<void> {
    const { provider, logger } = this.#options
    const { signal } = this.#closing
    let told: Self | null = null
    while (told !== this.#self && !signal.aborted) {
      // It ends when the place knows, or the node ends: a wrong setting of the place's may be mended there.
      await untilDone(async (each) => {
        const self = this.#self!
        await provider.publish(self, each)
        told = self
      }, signal, (error) => {
        logger.warn({ err: error }, `who this node is could not be published: ${error.message}`)
      }).catch(() => {})
    }
  }
}

/**
 * Tries until it succeeds, with growing pauses. A failure is told when it is another one than before; whoever is told
 * may throw it, to give up.
 */
async function untilDone<Result> (
  attempt: (signal: AbortSignal) => Promise<Result>, signal: AbortSignal, onFailure: (error: DiscoveryError) => void
): Promise<Result> {
  let told = ''
  for (let wait = backoffMinMs; ; wait = Math.min(wait * 2, backoffMaxMs)) {
    signal.throwIfAborted()
    try {
      return await attempt(signal)
    } catch (error) {
      signal.throwIfAborted()
      const { message } = error as DiscoveryError
      if (message !== told) onFailure(error as DiscoveryError)
      told = message
    }
    await sleep(wait, undefined, { signal })
  }
}
