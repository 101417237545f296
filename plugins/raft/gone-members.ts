import type { FastifyBaseLogger } from 'fastify'
import type { Outcome, Proposal } from '../../storage/types.ts'
import type { NodeId } from './core/index.ts'
import type { MemberView } from './node-options.ts'

export interface GoneMembersOptions {
  /** How long a member must be gone. */
  seconds: number
  /** Whether it is certain that nothing in this place is that node, or may still become it. */
  isGone: (id: NodeId, signal: AbortSignal) => Promise<boolean>
  leads: () => boolean
  members: () => readonly MemberView[]
  propose: (proposal: Proposal) => Promise<Outcome>
  log: Pick<FastifyBaseLogger, 'warn'>
}

const intervalMsMax = 10_000

/**
 * Removes, as leader, members that are gone for good: they are not reached, and the place has nothing that they may
 * come back from, each time it is looked at for so long. Whatever is not known begins the time anew. A majority has to
 * agree, as with an operator's call.
 */
export class GoneMembers {
  readonly #options: GoneMembersOptions
  readonly #timer: NodeJS.Timeout
  readonly #closing = new AbortController()
  /** When a member was first found to be gone, in milliseconds. */
  readonly #since = new Map<NodeId, number>()
  #looking: Promise<void> | null = null
  #told = ''

  constructor (options: GoneMembersOptions) {
    this.#options = options
    const intervalMs = Math.min(options.seconds * 1000 / 10, intervalMsMax)
    this.#timer = setInterval(() => {
      this.#looking ??= this.look().finally(() => { this.#looking = null })
    }, intervalMs)
    this.#timer.unref()
  }

  async close (): Promise<void> {
    clearInterval(this.#timer)
    this.#closing.abort()
    await this.#looking
  }

  /** @param now a clock in milliseconds that never goes back */
  async look (now = performance.now()): Promise<void> {
    const away = this.#away()
    for (const id of this.#since.keys()) if (!away.includes(id)) this.#since.delete(id)
    for (const id of away) {
      try {
        await this.#lookFor(id, now)
        this.#told = ''
      } catch (error) {
        this.#since.delete(id)
        const { message } = error as Error
        if (!this.#closing.signal.aborted && message !== this.#told) {
          this.#options.log.warn({ err: error, id }, `the member ${id}, which is away, is not removed: ${message}`)
        }
        this.#told = message
      }
    }
  }

  /** Members that this node does not reach, while it leads. */
  #away (): NodeId[] {
    const { leads, members } = this.#options
    if (!leads()) return []
    return members().filter(({ state, peer }) => state !== 'leaving' && peer?.connected === false).map(({ id }) => id)
  }

  async #lookFor (id: NodeId, now: number): Promise<void> {
    const { isGone, propose, seconds, log } = this.#options
    if (!await isGone(id, this.#closing.signal)) {
      this.#since.delete(id)
      return
    }
    const since = this.#since.get(id) ?? now
    this.#since.set(id, since)
    // The answer took its time: who is back by now stays.
    if (now - since < seconds * 1000 || !this.#away().includes(id)) return
    const outcome = await propose({ kind: 'node-remove', id })
    if (!outcome.ok) throw new Error(outcome.code)
    log.warn({ id, seconds }, `the member ${id} has been gone for ${seconds} s, and is removed (CHANGEWELL_REMOVE_GONE_SECONDS)`)
  }
}
