import type { Database } from './database.ts'
import { fateOf, findFate, type Fate } from './fate.ts'
import { readU64, requestKey } from './keys.ts'
import { chunkHeadBytes, chunksFrom } from './outcomes.ts'
import { Problem } from './problem.ts'
import { receiptName, type ReceiptText } from './receipt.ts'
import { decodeRequest } from './request.ts'

/**
 * What became of the write with this receipt, as this node's database knows it: certain, whatever else the cluster
 * knows. Null when it does not know: the write is not in it, and its clock is not past the deadline.
 *
 * @throws Problem RECEIPT_GONE when it is no longer kept
 */
export async function readReceipt (
  database: Pick<Database, 'store' | 'timestamp'>, receipt: ReceiptText
): Promise<Fate | null> {
  const { deadline, keptUntil } = receipt
  // Before the rows: what is in them may be newer, and then an outcome is found.
  const isOver = database.timestamp > deadline
  const fate = receipt.isRepeated ? await findRemembered(database, receipt) : await findInChunks(database, receipt)
  if (fate !== null) return fate
  // After the rows: they may have been tidied away meanwhile.
  if (database.timestamp > keptUntil) throw new Problem('RECEIPT_GONE', { keptUntil: new Date(keptUntil).toISOString() })
  if (!isOver) return null
  return { state: 'rejected', code: 'WRITE_EXPIRED', params: { deadline: new Date(deadline).toISOString() } }
}

async function findRemembered ({ store }: Pick<Database, 'store'>, { id }: ReceiptText): Promise<Fate | null> {
  const row = await store.get('requests', requestKey(receiptName(id)))
  return row === null ? null : fateOf(decodeRequest(row).outcome)
}

/** The write is after the place that the receipt names, and before the clock passed its deadline. */
async function findInChunks (
  { store }: Pick<Database, 'store'>, { id, after, deadline }: ReceiptText
): Promise<Fate | null> {
  for await (const chunks of store.pieces('requests', chunksFrom(after + 1))) {
    for (const { value } of chunks) {
      const fate = findFate(value, chunkHeadBytes, id)
      if (fate !== null) return fate
      if (readU64(value, 0) > deadline) return null
    }
  }
  return null
}
