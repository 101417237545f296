import { Problem } from '../../storage/problem.ts'

export interface ReadBarriersOptions {
  /** Asks the leader up to where a read must see; null while none is known. */
  ask: () => string | null
  /** There is something to ask in the next turn. */
  wake: () => void
  /** A read that nobody could answer for so long is refused. */
  patienceMs: number
  /** Why nobody can, for whoever is refused. */
  leaderless: () => string
}

interface Waiting {
  /** By the process's clock. */
  giveUpAt: number
  resolve: () => void
  reject: (error: Error) => void
}

/** Questions and answers get lost with messages: one without an answer is asked again after so many ticks. */
const patienceTicks = 3

/**
 * Reads that wait until this node's database holds what was acknowledged before them. One question to the leader serves
 * all that came before it was asked, and there is one at a time.
 */
export class ReadBarriers {
  readonly #options: ReadBarriersOptions
  #waiting: Waiting[] = []
  #closed: Error | null = null
  #asked: { context: string, ticks: number, waiting: Waiting[] } | null = null

  constructor (options: ReadBarriersOptions) {
    this.#options = options
  }

  wait (): Promise<void> {
    if (this.#closed !== null) return Promise.reject(this.#closed)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ giveUpAt: performance.now() + this.#options.patienceMs, resolve, reject })
      if (this.#asked === null) this.#options.wake()
    })
  }

  /** Asks for all that wait, unless a question is open. */
  ask (): void {
    if (this.#asked !== null || this.#waiting.length === 0) return
    const context = this.#options.ask()
    if (context === null) return
    this.#asked = { context, ticks: 0, waiting: this.#waiting }
    this.#waiting = []
  }

  answered (context: string): void {
    if (this.#asked?.context !== context) return
    const { waiting } = this.#asked
    this.#asked = null
    for (const { resolve } of waiting) resolve()
    if (this.#waiting.length > 0) this.#options.wake()
  }

  lost (context: string): void {
    if (this.#asked?.context !== context) return
    this.#waiting = [...this.#asked.waiting, ...this.#waiting]
    this.#asked = null
    this.#options.wake()
  }

  tick (): void {
    if (this.#asked !== null && ++this.#asked.ticks > patienceTicks) this.lost(this.#asked.context)
    const first = this.#waiting[0]
    const now = performance.now()
    if (first === undefined || first.giveUpAt > now) return
    const error = new Problem('NO_LEADER', { reason: this.#options.leaderless() })
    for (const { reject } of this.#waiting.filter(({ giveUpAt }) => giveUpAt <= now)) reject(error)
    this.#waiting = this.#waiting.filter(({ giveUpAt }) => giveUpAt > now)
  }

  /** Nothing will be answered any more. */
  close (error: Error): void {
    this.#closed ??= error
    const waiting = [...this.#asked?.waiting ?? [], ...this.#waiting]
    this.#asked = null
    this.#waiting = []
    for (const { reject } of waiting) reject(error)
  }
}
