import { decodeCommand } from '../../storage/command.ts'
import type { Applied, Database } from '../../storage/database.ts'
import type { Outcome } from '../../storage/types.ts'
import { entryTypes, type Configuration, type Entry } from './core/index.ts'
import { appliedConfiguration } from './configuration-row.ts'
import { takeDecoded } from './decoded.ts'
import type { ApplyRequest } from './driver.ts'

export type AppliedOutcome = Outcome | null

export interface ApplierOptions {
  database: Database
  onApplied?: ((event: { commands: number, seconds: number }) => void) | undefined
  /** What was applied was told to its caller. */
  onDone: () => void
  onFailure: (error: Error) => void
}

interface Waiting extends ApplyRequest {
  done: (outcomes: readonly AppliedOutcome[]) => void
}

/** Applies committed entries to the database in order, all that wait in one batch. */
export class Applier {
  readonly #options: ApplierOptions
  #queue: Waiting[] = []
  #running: Promise<void> | null = null
  #failed = false

  constructor (options: ApplierOptions) {
    this.#options = options
  }

  apply (request: ApplyRequest, done: Waiting['done']): void {
    this.#queue.push({ ...request, done })
    this.#running ??= this.#run().finally(() => { this.#running = null })
  }

  /** Resolves when nothing is being applied. */
  async idle (): Promise<void> {
    await this.#running
  }

  async #run (): Promise<void> {
    const { database, onApplied, onDone } = this.#options
    // Nothing here may call back before `apply` returns.
    await null
    while (this.#queue.length > 0 && !this.#failed) {
      const queue = this.#queue
      this.#queue = []
      const begun = performance.now()
      try {
        const batch = queue.flatMap((waiting) => this.#commandsOf(waiting))
        const outcomes = await database.apply(batch)
        database.stored().catch((error: Error) => this.#fail(error))
        onApplied?.({ commands: batch.length, seconds: (performance.now() - begun) / 1000 })
        let from = 0
        for (const { entries, done } of queue) {
          done(outcomes.slice(from, from + entries.length))
          from += entries.length
        }
        onDone()
      } catch (error) {
        this.#fail(error as Error)
      }
    }
  }

  #commandsOf ({ entries, configuration }: ApplyRequest): Applied[] {
    return entries.map((entry) => this.#appliedOf(entry, configuration))
  }

  #appliedOf ({ index, term, type, data }: Entry, configuration: Configuration | null): Applied {
    if (type === entryTypes.configuration) {
      return { index, term, command: null, configuration: appliedConfiguration(configuration!) }
    }
    // A new leader's first entry holds nothing.
    const command = data.length === 0 ? null : takeDecoded(data) ?? decodeCommand(data)
    return { index, term, command }
  }

  #fail (error: Error): void {
    if (this.#failed) return
    this.#failed = true
    this.#options.onFailure(error)
  }
}
