import t from 'tap'
import { Database } from '../../storage/database.ts'
import type { Fate } from '../../storage/fate.ts'
import { readReceipt } from '../../storage/receipts.ts'
import { MemoryStore } from '../support/memory-store.ts'
import { Canon } from './canon.ts'
import { History } from './history.ts'
import type { OperationKind, OperationResult } from './history.ts'
import { checkAcknowledged, checkKeys } from './key-law.ts'
import { checkReceipts, checkSame } from './receipt-law.ts'
import { Violation } from './violation.ts'

/** What is checked at the end of a run must also be able to fail: these are histories that never may be. */

interface Told {
  kind: OperationKind
  called: number
  returned?: number
  expected?: number
  result?: OperationResult
}

const done = (revision: number, created: boolean): OperationResult => (
  { what: 'done', revision, created, database: revision })
const seen = (revision: number, database: number): OperationResult => ({ what: 'seen', revision, database })
const refused = (database: number): OperationResult => ({ what: 'refused', database })

/** Plays what clients were told of one key, in the order of time; `feed` has the ids of writes by revision. */
function play (told: readonly Told[], feed: readonly string[]): { history: History, canon: Canon } {
  const history = new History()
  const canon = new Canon()
  for (const [at, id] of feed.entries()) canon.change(at + 1, `{"tags":["${id}"]}`, 'a test')
  const operations = told.map(({ kind, called, expected = 0 }, at) => ({
    at: called, happen: () => history.call(String(at), kind, 'key', expected, called),
  }))
  const answers = told.flatMap(({ returned, result }, at) => {
    if (returned === undefined || result === undefined) return []
    const operation = () => history.operations.find(({ id }) => id === String(at))!
    return [{ at: returned, happen: () => history.answer(operation(), result, returned) }]
  })
  for (const { happen } of [...operations, ...answers].sort((a, b) => a.at - b.at)) happen()
  return { history, canon }
}

/** Which promise it breaks; null when none. */
function brokenBy (act: () => void): string | null {
  try {
    act()
    return null
  } catch (error) {
    if (error instanceof Violation) return error.invariant
    throw error
  }
}

t.test('answers in an order that one copy could have given are linearizable', async (t) => {
  const { history, canon } = play([
    { kind: 'put', called: 1, returned: 4, result: done(1, true) },
    { kind: 'read', called: 2, returned: 3, result: seen(1, 1) },
    { kind: 'compare', called: 5, returned: 9, expected: 1, result: done(2, false) },
    { kind: 'read', called: 6, returned: 7, result: seen(1, 1) },
    { kind: 'delete', called: 10, returned: 11, result: done(3, false) },
    { kind: 'compare', called: 12, returned: 13, expected: 2, result: refused(3) },
  ], ['0', '2', '4'])
  t.equal(brokenBy(() => checkKeys(history, canon)), null)
  t.equal(brokenBy(() => checkAcknowledged(history, canon)), null)
})

t.test('a write that nobody answered may have taken effect, or not', async (t) => {
  const seenIt = play([
    { kind: 'put', called: 1 },
    { kind: 'read', called: 2, returned: 3, result: seen(0, 0) },
    { kind: 'read', called: 4, returned: 5, result: seen(1, 1) },
  ], ['0'])
  t.equal(brokenBy(() => checkKeys(seenIt.history, seenIt.canon)), null)
  const lost = play([{ kind: 'put', called: 1 }, { kind: 'read', called: 2, returned: 3, result: seen(0, 0) }], [])
  t.equal(brokenBy(() => checkKeys(lost.history, lost.canon)), null)
})

t.test('answers that no order explains are a violation', async (t) => {
  const wrong: Record<string, readonly Told[]> = {
    'a value that comes back': [
      { kind: 'put', called: 1, returned: 2, result: done(1, true) },
      { kind: 'put', called: 3, returned: 8, result: done(2, false) },
      { kind: 'read', called: 4, returned: 5, result: seen(2, 2) },
      { kind: 'read', called: 6, returned: 7, result: seen(1, 2) },
    ],
    'a value that was never written': [{ kind: 'read', called: 1, returned: 2, result: seen(9, 9) }],
    'two that both made the key': [
      { kind: 'put', called: 1, returned: 2, result: done(1, true) },
      { kind: 'put', called: 3, returned: 4, result: done(2, true) },
    ],
    'a condition that held for two': [
      { kind: 'put', called: 1, returned: 2, result: done(1, true) },
      { kind: 'compare', called: 3, returned: 6, expected: 1, result: done(2, false) },
      { kind: 'compare', called: 4, returned: 7, expected: 1, result: done(3, false) },
    ],
    'a refusal without a reason': [{ kind: 'compare', called: 1, returned: 2, expected: 0, result: refused(0) }],
  }
  for (const [name, told] of Object.entries(wrong)) {
    const { history, canon } = play(told, ['0', '1', '2'])
    t.equal(brokenBy(() => checkKeys(history, canon)), 'linearizability', name)
  }
})

t.test('an answer older than what was known before the question is a violation', async (t) => {
  const put: Told = { kind: 'put', called: 1, returned: 2, result: done(5, true) }
  const told = (second: Told): string | null => brokenBy(() => play([put, second], []))
  t.equal(told({ kind: 'read', called: 3, returned: 4, result: seen(0, 4) }), 'stale read')
  t.equal(told({ kind: 'put', called: 3, returned: 4, result: done(4, false) }), 'feed order',
    'a write that is acknowledged later, with an earlier place in the feed')
  t.equal(told({ kind: 'put', called: 1.5, returned: 4, result: done(4, false) }), null,
    'two at the same time come in any order')
})

t.test('an acknowledged write that is not in the feed, or elsewhere, is a violation', async (t) => {
  const put: Told = { kind: 'put', called: 1, returned: 2, result: done(1, true) }
  for (const feed of [[], ['other'], ['other', '0']]) {
    const { history, canon } = play([put], feed)
    t.equal(brokenBy(() => checkAcknowledged(history, canon)), 'acknowledged writes', `a feed of ${feed.length}`)
  }
})

t.test('a feed with a gap, two versions of a change, or one request twice is a violation', async (t) => {
  const canon = new Canon()
  canon.change(1, '{"tags":["a"]}', 'a test')
  canon.change(1, '{"tags":["a"]}', 'another node')
  t.equal(brokenBy(() => canon.change(3, '{"tags":["c"]}', 'a test')), 'feed', 'a gap')
  t.equal(brokenBy(() => canon.change(1, '{"tags":["b"]}', 'a test')), 'feed', 'two versions')
  t.equal(brokenBy(() => canon.change(2, '{"tags":["a"]}', 'a test')), 'idempotency', 'one request twice')
})

/** One write with a receipt: what was told of it, and what the database and the feed know. */
async function receiptBreaks (
  { told, applied, feed, clock = 11 }: { told: Fate | null, applied: boolean, feed: readonly string[], clock?: number }
): Promise<string | null> {
  const history = new History()
  const canon = new Canon()
  const operation = history.call('a', 'record', 'key', 0, 1)
  const receipt = { id: Buffer.alloc(10, 1), deadline: 10, keptUntil: 1e12, isRepeated: false, after: 0, clusterId: '' }
  const given = history.give(operation, receipt)
  history.tag(given)
  history.tag(given)
  for (const [at, tag] of feed.entries()) canon.change(at + 1, `{"tags":["${tag.split('/')[0]}","${tag}"]}`, 'a test')
  const database = await Database.open(new MemoryStore())
  const then = [{ type: 'put' as const, tags: ['a', 'a/1.1'] }]
  if (applied) await database.apply([{ index: 1, term: 1, command: { kind: 'write', timestamp: 5, receipt, compare: [], then } }])
  else await database.apply([{ index: 1, term: 1, command: { kind: 'expire', timestamp: clock } }])
  try {
    given.told = told
    await checkReceipts(history, canon, [database], readReceipt)
    return null
  } catch (error) {
    if (error instanceof Violation) return error.invariant
    throw error
  }
}

t.test('a receipt that tells anything but what the feed shows is a violation', async (t) => {
  const rejected: Fate = { state: 'rejected', code: 'WRITE_EXPIRED', params: { deadline: '' } }
  const committed = (revision: number): Fate => ({ state: 'committed', revision })
  t.equal(await receiptBreaks({ told: committed(1), applied: true, feed: ['a/1.1'] }), null)
  t.equal(await receiptBreaks({ told: null, applied: true, feed: ['a/1.1'] }), null)
  t.equal(await receiptBreaks({ told: rejected, applied: false, feed: ['b/0'] }), null)
  const wrong = {
    'rejected, and there': { told: rejected, applied: false, feed: ['a/1.1'] },
    'committed, and not there': { told: committed(1), applied: true, feed: [] },
    'committed, and elsewhere': { told: committed(2), applied: true, feed: ['a/1.1', 'b/0'] },
    'rejected first, and committed in the end': { told: rejected, applied: true, feed: ['a/1.1'] },
    'nothing, though all is over': { told: null, applied: false, feed: [], clock: 10 },
    'rejected, and there by another attempt under it': { told: rejected, applied: false, feed: ['b/0', 'a/1.2'] },
    'there, and the database does not know it': { told: null, applied: false, feed: ['a/1.1'] },
  }
  for (const [name, broken] of Object.entries(wrong)) t.equal(await receiptBreaks(broken), 'receipts', name)
})

t.test('a receipt that tells another thing than before is a violation', async (t) => {
  const history = new History()
  const receipt = { id: Buffer.alloc(10), deadline: 1, keptUntil: 2, isRepeated: false, after: 0, clusterId: '' }
  const given = history.give(history.call('a', 'put', 'key', 0, 1), receipt)
  checkSame(given, { state: 'committed', revision: 1 })
  checkSame(given, { state: 'committed', revision: 1 })
  t.equal(brokenBy(() => checkSame(given, { state: 'committed', revision: 2 })), 'receipts')
})
