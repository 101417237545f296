import type { FastifyBaseLogger } from 'fastify'
import type { Database } from '../../storage/database.ts'
import { expiredRange } from '../../storage/keys.ts'
import { closedChunks, expiredChunks } from '../../storage/outcomes.ts'
import type { Range, Row } from '../../storage/store.ts'
import type { Outcome, Proposal } from '../../storage/types.ts'

export interface HousekeepingOptions {
  database: Database
  /** Whether this node leads: the others leave it to the one that does. */
  leads: () => boolean
  propose: (proposal: Proposal) => Promise<Outcome>
  log: FastifyBaseLogger
}

/** How often there may be something to tidy. */
const intervalMs = 1000

/**
 * What the leader does unasked: it proposes that expired idempotency keys and outcomes be forgotten and that history
 * beyond the retention be cut. Both go through the log, so that every node does the same at the same place.
 */
export class Housekeeping {
  readonly #options: HousekeepingOptions
  readonly #timer: NodeJS.Timeout
  #running: Promise<void> | null = null
  #closed = false
  /** The reason that was told last. */
  #waitsFor: string | null = null

  constructor (options: HousekeepingOptions) {
    this.#options = options
    this.#timer = setInterval(() => {
      if (!options.leads()) return
      this.#running ??= this.#run().finally(() => { this.#running = null })
    }, intervalMs)
    this.#timer.unref()
  }

  async close (): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#running
  }

  async #run (): Promise<void> {
    const { propose, log } = this.#options
    try {
      while (!this.#closed && await this.#hasExpired()) await propose({ kind: 'expire' })
      for (let first = this.#trimTo(); !this.#closed && first !== null; first = this.#trimTo()) {
        await propose({ kind: 'trim', firstRevision: first })
      }
      this.#waitsFor = null
    } catch (error) {
      const { message } = error as Error
      // A disk that is full stays so for a while: it is told once.
      if (message !== this.#waitsFor) log.warn({ err: error }, 'housekeeping has to wait')
      this.#waitsFor = message
    }
  }

  async #hasExpired (): Promise<boolean> {
    const { applied } = this.#options.database
    const now = Date.now()
    if (await this.#firstOf(expiredRange(now)) !== null) return true
    const chunk = await this.#firstOf(closedChunks(applied.index))
    return chunk !== null && expiredChunks([chunk], now) !== null
  }

  async #firstOf (range: Range): Promise<Row | null> {
    const rows = this.#options.database.store.scan('requests', range, { limit: 1 })[Symbol.asyncIterator]()
    const { done, value } = await rows.next()
    await rows.return?.()
    return done === true ? null : value
  }

  /** The first revision that the retention still wants, when the history begins before it. */
  #trimTo (): number | null {
    const { settings, revision, firstRevision } = this.#options.database
    if (settings.historyChanges === null) return null
    const wanted = revision - settings.historyChanges + 1
    return wanted > firstRevision ? wanted : null
  }
}
