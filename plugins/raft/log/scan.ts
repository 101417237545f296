import { usedLength } from './binary.ts'
import { headerBytes } from './header.ts'
import { readRecord } from './record.ts'
import type { LogRecord } from './record.ts'

export interface Scan {
  /** Where the good records end. */
  end: number
  /** Where the bytes end that are not zero; not after `end` when nothing follows the good records. */
  used: number
  /** Where a good record follows that shows what is at `end` to be damage; undefined when a torn batch explains it. */
  witness: number | undefined
}

/**
 * Reads the records of a segment, given whole, up to the first that is not good.
 *
 * A batch is written only after the one before it is durable. So the bytes of a torn write all belong to one batch, the
 * last, and its records say where it starts: at or before the first bad record. A good record whose batch starts after
 * the bad one was written when the bad one was durable; then it is not a crash that spoilt it.
 */
export function scanSegment (bytes: Buffer, seed: number, visit: (record: LogRecord, offset: number) => void): Scan {
  let at = headerBytes
  let batch = headerBytes
  for (;;) {
    const record = readRecord(bytes, at, seed)
    if (record === null || (record.batch !== at && record.batch !== batch)) break
    batch = record.batch
    visit(record, at)
    at += record.bytes
  }
  const used = usedLength(bytes)
  return { end: at, used, witness: findWitness(bytes, seed, at, used) }
}

function findWitness (bytes: Buffer, seed: number, bad: number, used: number): number | undefined {
  for (let at = bad; at < used; at += 8) {
    const record = readRecord(bytes, at, seed)
    // A good record in the bad place itself is one of a batch that is not there.
    if (record !== null && (record.batch > bad || at === bad)) return at
  }
  return undefined
}
