import { MemoryLog } from './memory-log.ts'

/** Three logs that get the same entries, and nobody who agrees on anything. */
export class BareLogs {
  readonly #logs = [new MemoryLog(), new MemoryLog(), new MemoryLog()]
  messages = 0

  propose (batch: { type: number, data: Buffer }[]): void {
    for (const log of this.#logs) {
      const first = log.lastIndex + 1
      log.append(batch.map(({ type, data }, at) => ({ index: first + at, term: 1, type, data })))
      log.compact(log.lastIndex)
      this.messages++
    }
  }
}
