import { chunkKey, chunkRange, readU64, writeU64 } from './keys.ts'
import type { Batch, Range, Row } from './store.ts'

/**
 * What became of writes with receipts, by their places in the log. A row of its own for each would cost more than all
 * that is ever asked of them, so the fates of so many places share one: a chunk. It is written with each batch that
 * adds to it, so that what the store holds depends on the position alone, and not on how commands were batched.
 */
const chunkPlaces = 32

/** Bytes before the fates: the clock at the first of them, and until when the last is kept. */
export const chunkHeadBytes = 16

/** The chunk that is being filled, and those that were filled since the store was written to. */
export class Outcomes {
  #number: number
  /** Null while nothing is in the chunk. */
  #head: { since: number, keptUntil: number } | null = null
  #fates: Buffer[] = []
  #isStored = true
  #filled: { number: number, row: Buffer }[] = []

  /** With the row of the chunk that the index is in, as the store has it. */
  constructor (index: number, row: Buffer | null) {
    this.#number = chunkOf(index)
    if (row === null) return
    this.#head = { since: readU64(row, 0), keptUntil: readU64(row, 8) }
    this.#fates.push(row.subarray(chunkHeadBytes))
  }

  add (index: number, timestamp: number, keptUntil: number, fate: Buffer): void {
    if (chunkOf(index) !== this.#number) {
      if (!this.#isStored) this.#filled.push({ number: this.#number, row: this.#row() })
      this.#number = chunkOf(index)
      this.#head = null
      this.#fates = []
    }
    if (this.#head === null) this.#head = { since: timestamp, keptUntil }
    else if (keptUntil > this.#head.keptUntil) this.#head.keptUntil = keptUntil
    this.#fates.push(fate)
    this.#isStored = false
  }

  /** Puts all that is new into the batch. */
  store (batch: Batch): void {
    for (const { number, row } of this.#filled) batch.put('requests', chunkKey(number), row)
    this.#filled = []
    if (this.#isStored) return
    batch.put('requests', chunkKey(this.#number), this.#row())
    this.#isStored = true
  }

  #row (): Buffer {
    const head = Buffer.allocUnsafe(chunkHeadBytes)
    writeU64(head, this.#head!.since, 0)
    writeU64(head, this.#head!.keptUntil, 8)
    return Buffer.concat([head, ...this.#fates])
  }
}

/** The key of the chunk that holds the outcomes of the commands about this place in the log. */
export function chunkKeyOf (index: number): Buffer {
  return chunkKey(chunkOf(index))
}

/** The chunks of this place in the log and of all after it. */
export function chunksFrom (index: number): Range {
  return chunkRange(chunkOf(index), Number.MAX_SAFE_INTEGER)
}

/** The chunks to which nothing is added any more. The one that is being filled stays, whatever its age. */
export function closedChunks (index: number): Range {
  return chunkRange(0, chunkOf(index))
}

/** Of the oldest chunks those that nobody may ask for at this time; null when there are none. */
export function expiredChunks (chunks: readonly Row[], timestamp: number): Range | null {
  const kept = chunks.findIndex(({ value }) => readU64(value, 8) >= timestamp)
  const gone = kept === -1 ? chunks : chunks.slice(0, kept)
  if (gone.length === 0) return null
  return { start: gone[0]!.key, end: Buffer.concat([gone.at(-1)!.key, Buffer.of(0)]) }
}

function chunkOf (index: number): number {
  return Math.floor(index / chunkPlaces)
}
