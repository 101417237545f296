import { BinaryReader, BinaryWriter } from './binary.ts'
import type { ProblemCode, Problems } from './problem.ts'
import { receiptIdBytes } from './receipt.ts'
import type { Outcome } from './types.ts'

/**
 * What became of a write, for whoever asks by its receipt. The revision is the database's after it, which is that of
 * its last change.
 */
export type Fate =
  { state: 'committed', revision: number } |
  { state: 'rejected', code: ProblemCode, params: Problems[ProblemCode] }

const [refused, committed] = [0, 1]

/** As it stands among others in a row: the receipt's id, then 9 bytes, or more for a refusal and its facts. */
export function encodeFate (id: Buffer, outcome: Outcome): Buffer {
  const out = new BinaryWriter().raw(id)
  if (outcome.ok) return out.u8(committed).u64(outcome.revision).finish()
  const { code, params } = outcome
  return out.u8(refused).bytes(Buffer.from(JSON.stringify({ code, params }))).finish()
}

/** The fate with this id among those that follow one another from a place on; null when it is not there. */
export function findFate (bytes: Buffer, at: number, id: Buffer): Fate | null {
  // Most rows that are looked through have it not, and that is seen at once.
  if (bytes.indexOf(id, at) === -1) return null
  const from = new BinaryReader(bytes, at)
  while (!from.done) {
    const found = from.raw(receiptIdBytes).equals(id)
    const fate = readFate(from)
    if (found) return fate
  }
  return null
}

function readFate (from: BinaryReader): Fate {
  if (from.u8() === committed) return { state: 'committed', revision: from.u64() }
  return { state: 'rejected', ...JSON.parse(from.bytes().toString()) as Pick<Fate & { state: 'rejected' }, 'code' | 'params'> }
}

export function fateOf (outcome: Outcome): Fate {
  if (outcome.ok) return { state: 'committed', revision: outcome.revision }
  return { state: 'rejected', code: outcome.code, params: outcome.params }
}
