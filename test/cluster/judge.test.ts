import t from 'tap'
import { Canon } from '../simulation/canon.ts'
import { History, type Operation, type OperationResult } from '../simulation/history.ts'
import { checkAcknowledged, checkKeys } from '../simulation/key-law.ts'
import { Violation } from '../simulation/violation.ts'
import { Clients, seed } from './clients.ts'
import { Cluster } from './cluster.ts'

/** The judge must be able to say no: a true history, and the same with one thing in it made wrong. */
t.test('A recorded history is judged, and one that was tampered with is refused', async (t) => {
  const cluster = await Cluster.start(t, 1)
  await seed(cluster.nodes[0]!)
  const clients = Clients.start(cluster, 3)
  await clients.acknowledged(100)
  await clients.stop()
  await clients.check(t)
  const { operations } = clients.history
  const feed = clients.canon.feed.slice(1)
  t.equal(verdict(operations, feed), null)

  const written = operations.filter(({ kind, result }) => kind === 'put' && result?.what === 'done')
  const later = operations.findLast(({ kind, result, key, called }) => kind === 'read' && result?.what === 'seen' &&
    before(written, key, called).some((put) => revisionOf(put) === result.revision) &&
    before(written, key, called).length > 1)!
  const [old] = before(written, later.key, later.called)
  const stale = changed(operations, later, (seen) => ({ ...seen, revision: revisionOf(old!) }))
  t.equal(verdict(stale, feed), 'linearizability', 'a stale read')
  t.equal(verdict(changed(operations, later, (seen) => ({ ...seen, database: 1 })), feed), 'stale read',
    'a read of a database older than what was known')

  const [first, second] = written as [Operation, Operation]
  const untold = feed.map((text) => text.replace(`"tags":["${first.id}"]`, '"tags":["somebody"]'))
  t.equal(verdict(operations, untold), 'acknowledged writes', 'a write that was acknowledged and is lost')
  const doubled = [...feed, feed.find((text) => text.includes(`"${first.id}"`))!.replace(/"revision":\d+/, '"revision":0')]
  t.equal(verdict(operations, doubled), 'idempotency', 'a write that happened twice')
  t.equal(verdict(operations, feed, revisionOf(second)), 'feed', 'a gap in the feed')
})

/** The writes of a key that were answered before a moment, in the order of their revisions. */
function before (written: readonly Operation[], wanted: string, moment: number): Operation[] {
  return written.filter(({ key, returned }) => key === wanted && returned < moment)
    .sort((a, b) => revisionOf(a) - revisionOf(b))
}

function revisionOf ({ result }: Operation): number {
  return (result as { revision: number }).revision
}

type Change = (result: OperationResult) => OperationResult

/** Which law is broken; null when none. `gap` leaves this change out of the feed. */
function verdict (operations: readonly Operation[], feed: readonly string[], gap = 0): string | null {
  const history = new History()
  const canon = new Canon()
  try {
    for (const [at, text] of feed.entries()) if (at + 1 !== gap) canon.change(at + 1, text, 'a node')
    replay(operations, history)
    checkAcknowledged(history, canon)
    checkKeys(history, canon)
    return null
  } catch (error) {
    if (error instanceof Violation) return error.invariant
    throw error
  }
}

/** Asks and answers everything again, in the order of time. */
function replay (operations: readonly Operation[], history: History): void {
  const happenings = operations.flatMap(({ id, kind, key, expected, called, returned, result }) => {
    let again: Operation
    const call = { at: called, happen: () => { again = history.call(id, kind, key, expected, called) } }
    return result === null ? [call] : [call, { at: returned, happen: () => history.answer(again, result, returned) }]
  })
  for (const { happen } of happenings.sort((a, b) => a.at - b.at)) happen()
}

function changed (operations: readonly Operation[], one: Operation, change: Change): Operation[] {
  return operations.map((operation) => operation !== one ? operation : { ...one, result: change(one.result!) })
}
