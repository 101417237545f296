import t from 'tap'
import { Copy } from './turnover/copy.ts'
import { Laws } from './turnover/laws.ts'
import type { Kind, Operation, Result } from './turnover/operation.ts'

/** The judge must be able to say no. */

const place = { tenant: 'top/a', collection: 'c', key: 'hot' }

const feed = [
  { type: 'tenant-create', tenant: 'top' },
  { type: 'tenant-create', tenant: 'top/a' },
  { type: 'collection-create', tenant: 'top/a', collection: 'c' },
  { type: 'put', ...place, tags: ['w'], data: 'w' },
  { type: 'collection-delete', tenant: 'top/a', collection: 'c' },
  { type: 'tenant-delete', tenant: 'top/a' },
].map((change, at) => ({ revision: at + 1, timestamp: '2026-01-01T00:00:00.000Z', ...change }))

const laws = new Laws(feed.map((change) => JSON.stringify(change)))

function fault (kind: Kind, floor: number, result: Result): string | null {
  const operation: Operation = { id: 'w', kind, ...place, second: place, floor, called: 0, returned: 1, result }
  return laws.fault(operation)
}

const done = (revision: number): Result => ({ what: 'done', revision, database: revision })
const refused = (code: string, database: number): Result => ({ what: 'refused', code, database })

t.test('What is so passes', async (t) => {
  t.equal(fault('put', 3, done(4)), null)
  t.equal(fault('read', 3, done(4)), null)
  t.equal(fault('collection-delete', 0, done(5)), null)
  t.equal(fault('put', 2, refused('COLLECTION_NOT_FOUND', 2)), null)
  t.equal(fault('put', 3, refused('COLLECTION_NOT_FOUND', 5)), null, 'deleted meanwhile')
  t.equal(fault('put', 0, refused('TENANT_NOT_FOUND', 1)), null)
  t.equal(fault('tenant-create', 5, refused('TENANT_EXISTS', 5)), null)
  t.equal(fault('delete', 5, refused('KEY_NOT_FOUND', 6)), null, 'it went with its collection')
})

t.test('What is not so is found', async (t) => {
  t.match(fault('put', 3, done(5)), /something else/, 'a write that the feed does not have there')
  t.match(fault('put', 4, done(4)), /was known before/, 'a write that was made before it was asked for')
  t.match(fault('put', 3, refused('COLLECTION_NOT_FOUND', 4)), /not so at any moment/)
  t.match(fault('put', 2, refused('TENANT_NOT_FOUND', 5)), /not so at any moment/)
  t.match(fault('tenant-create', 6, refused('TENANT_EXISTS', 6)), /not so at any moment/)
  t.match(fault('read', 5, done(4)), /no moment after 5/, 'a value that was deleted before')
  t.match(fault('put', 0, refused('INTERNAL', 6)), /refused with INTERNAL/)
})

/** Of one key: what was asked from when to when, and the answer. */
function oneCopy (...asked: [Kind, number, number, Result | null][]): boolean {
  const operations = asked.map(([kind, called, returned, result], at): Operation => (
    { id: kind === 'put' ? 'w' : String(at), kind, ...place, second: place, floor: 0, called, returned, result }))
  return laws.isOneCopy(place, operations)
}

t.test('The answers about a key are those of one copy, or are refused', async (t) => {
  const put: [Kind, number, number, Result] = ['put', 3, 6, done(4)]
  const absent = refused('KEY_NOT_FOUND', 4)
  t.ok(oneCopy(put, ['read', 4, 5, absent], ['read', 4, 5, done(4)], ['read', 7, 8, done(4)]), 'while it is being made')
  t.ok(oneCopy(put, ['read', 7, 8, absent]), 'its collection was deleted, and nobody was told')
  t.ok(oneCopy(['put', 3, Infinity, null], ['read', 9, 10, done(4)]), 'made, and not answered')
  t.notOk(oneCopy(put, ['read', 1, 2, done(4)]), 'seen before it was asked for')
  t.notOk(oneCopy(put, ['read', 7, 8, absent], ['read', 9, 10, done(4)]), 'gone, and there again')
  t.notOk(oneCopy(put, ['collection-delete', 7, 8, done(5)], ['read', 9, 10, done(4)]), 'after its deletion')
  t.notOk(oneCopy(put, ['read', 7, 8, absent], ['collection-delete', 9, 10, done(5)]), 'gone before it was deleted')
  t.notOk(oneCopy(put, ['delete', 7, 8, absent], ['read', 9, 10, done(4)]), 'refused for what was not so')
})

t.test('A feed that shows a put after the deletion that it should precede is refused, by the judge and by a copy', async (t) => {
  const late = [...feed.slice(0, 3), feed[4]!, feed[3]!].map((change, at) => ({ ...change, revision: at + 1 }))
  t.throws(() => new Laws(late.map((change) => JSON.stringify(change))), /which it has not made/)
  const copy = new Copy()
  t.throws(() => { for (const change of late) copy.apply(change) }, /not there/)
  t.throws(() => { new Copy().apply(feed[1]!) }, /change 2 follows 0/)
})
