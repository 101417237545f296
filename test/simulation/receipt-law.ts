import type { Database } from '../../storage/database.ts'
import type { Fate } from '../../storage/fate.ts'
import type { Canon } from './canon.ts'
import { describe, describeFate } from './history.ts'
import type { GivenReceipt, History } from './history.ts'
import type { Product } from './product.ts'
import { Violation } from './violation.ts'

/**
 * At the end every receipt tells something for certain, in every database the same, and if anybody was told anything
 * before, then that. A write that was committed is in the feed, at that revision; one that was rejected is not.
 */
export async function checkReceipts (
  { receipts }: History, canon: Canon, databases: readonly Database[], readReceipt: Product['readReceipt']
): Promise<void> {
  const made = changesByTag(canon)
  for (const given of receipts) {
    if (given.told !== null) checkFate(given, given.told, canon, made)
    for (const database of databases) {
      const fate = await readReceipt(database, given.receipt)
      if (fate === null) throw new Violation('receipts', `${describe(given)}: all is over, and its receipt tells nothing`)
      checkSame(given, fate)
      checkFate(given, fate, canon, made)
    }
  }
}

/** @throws Violation when something else was told before: what was certain once stays */
export function checkSame (given: GivenReceipt, fate: Fate): void {
  const [before, now] = [given.told, fate].map((one) => one === null ? null : describeFate(one))
  if (before === null) given.told = fate
  else if (before !== now) throw new Violation('receipts', `${describe(given)} was told ${before}, and now ${now}`)
}

function changesByTag ({ feed }: Canon): Map<string, number> {
  return new Map(feed.flatMap((text, revision) => (
    [...text.matchAll(/"([^"/]+\/\d+\.\d+)"/g)].map(([, tag]) => [tag!, revision] as const))))
}

function checkFate (given: GivenReceipt, fate: Fate, canon: Canon, made: ReadonlyMap<string, number>): void {
  const { operation, tags, receipt } = given
  const effect = canon.effects.get(operation.id)
  if (fate.state === 'committed') {
    if (effect === fate.revision) return
    throw new Violation('receipts', `${describe(given)} is said to be made at ${fate.revision}, and the feed has it at ${effect ?? 'no place'}`)
  }
  const tag = tags.find((one) => made.has(one))
  if (tag !== undefined) {
    throw new Violation('receipts', `${tag} is said to be rejected by ${fate.code}, and the feed has it at ${made.get(tag)}`)
  }
  // Too late was this attempt, and another receipt may have been in time. What the key was refuses all attempts.
  if (effect !== undefined && (receipt.isRepeated || fate.code !== 'WRITE_EXPIRED')) {
    throw new Violation('receipts', `${describe(given)} is said to be rejected by ${fate.code}, and the feed has it at ${effect}`)
  }
}
