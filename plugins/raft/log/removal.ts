import { unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncDirectory } from './files.ts'
import type { Segment } from './segment.ts'
import type { LogEvent } from './types.ts'

/**
 * Removes the files of segments that are no longer needed: the oldest first, and each durably before the next, so that
 * a crash leaves the newest of them and never a hole. A file that cannot be removed stays first in line and is tried
 * again with the next ones; it takes space and does no harm.
 */
export class Removal {
  readonly #onEvent: (event: LogEvent) => void
  readonly #waiting: Segment[] = []
  #done: Promise<void> = Promise.resolve()

  constructor (onEvent: (event: LogEvent) => void) {
    this.#onEvent = onEvent
  }

  /** Resolves when these and all before them were tried. Never rejects. */
  remove (segments: Segment[]): Promise<void> {
    this.#waiting.push(...segments)
    this.#done = this.#done.then(() => this.#removeWaiting())
    return this.#done
  }

  /** Waits for what is under way and closes the files that could not be removed. */
  async close (): Promise<void> {
    await this.#done
    for (const segment of this.#waiting) segment.retire()
  }

  async #removeWaiting (): Promise<void> {
    for (let segment = this.#waiting[0]; segment !== undefined; segment = this.#waiting[0]) {
      const { file } = segment
      try {
        await unlink(file).catch(ignoreMissing)
        await syncDirectory(dirname(file))
      } catch (error) {
        this.#onEvent({ type: 'segment-not-removed', file, error: error as Error })
        return
      }
      this.#waiting.shift()
      segment.retire()
      this.#onEvent({ type: 'segment-removed', file })
    }
  }
}

function ignoreMissing (error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
