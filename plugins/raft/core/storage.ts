import type { Entry, Snapshot } from './types.ts'

/**
 * What the core may ask of the durable log, at once and without I/O. It changes only through what the driver does with
 * a `Ready`, and must show an append as soon as the core is told that it is durable.
 */
export interface LogStorage {
  /** Index of the oldest entry that is still there; one past the last snapshot when there is none. */
  readonly firstIndex: number
  /** Index of the newest entry; `firstIndex - 1` when there is none. */
  readonly lastIndex: number
  /** The term at an index from `firstIndex - 1` to `lastIndex`. */
  term (index: number): number
  /**
   * Entries from `from` and below `to`: as many as fit `bytesMax`, and at least one. Undefined when they are not in
   * memory: the storage then fetches them, and the driver calls `Core.fetched` once it has.
   */
  entries (from: number, to: number, bytesMax: number): Entry[] | undefined
  /** The newest snapshot, whose index is at least `firstIndex - 1`. Undefined while there is none to give. */
  snapshot (): Snapshot | undefined
}
