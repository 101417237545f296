import t from 'tap'
import { BinaryWriter } from '../../storage/binary.ts'
import { chainChecksum, checksumOf } from '../../storage/checksum.ts'
import { Database } from '../../storage/database.ts'
import { metaKeys } from '../../storage/keys.ts'
import type { RowOperation } from '../../storage/store.ts'
import type { Command } from '../../storage/types.ts'
import { applyAll, filled, someCommands } from '../support/filled-database.ts'
import { MemoryStore } from '../support/memory-store.ts'
import { write } from '../support/store/helpers.ts'

t.test('Whatever commands do differently shows in the checksum', async (t) => {
  const seen = new Map<string, string>()
  const put = (key: string, data: string): Command => ({
    kind: 'write', timestamp: 2000, compare: [], then: [{ type: 'put', tenant: 'a', collection: 'c', key, data: Buffer.from(data) }],
  })
  const variants: Record<string, Command[]> = {
    nothing: [],
    'one key': [put('k', '1')],
    'another value': [put('k', '2')],
    'another key': [put('l', '1')],
    'two keys': [put('k', '1'), put('l', '1')],
    'two keys in another order': [put('l', '1'), put('k', '1')],
    'a key that came and went': [put('k', '1'), { ...put('k', '1'), then: [{ type: 'delete', tenant: 'a', collection: 'c', key: 'k' }] } as Command],
    settings: [{ kind: 'settings', timestamp: 1, settings: { historyChanges: 1, heartbeatMs: 1, electionMs: 2 } }],
    'a node': [{ kind: 'node', timestamp: 1, id: 'n2', role: 'voter', peerAddress: '', apiAddress: '' }],
    'the history cut': [{ kind: 'trim', timestamp: 1, firstRevision: 2 }],
  }
  for (const [what, commands] of Object.entries(variants)) {
    const database = await filled(new MemoryStore(), 1)
    await applyAll(database, commands)
    const { value, index, revision } = database.checksum
    t.match(value, /^[0-9a-f]{8}$/)
    t.same({ index, revision }, { index: database.applied.index, revision: database.revision })
    t.equal(seen.get(value), undefined, `${what} is like ${seen.get(value)}`)
    seen.set(value, what)
  }
})

t.test('An entry that does nothing leaves the checksum as it is', async (t) => {
  const database = await filled(new MemoryStore(), 1)
  const before = database.checksum
  await database.apply([{ index: before.index + 1, term: 4, command: null }])
  t.same(database.checksum, { ...before, index: before.index + 1 })
})

t.test('Operations that read alike have checksums of their own, short and long', async (t) => {
  const bytes = (text: string): Buffer => Buffer.from(text)
  const long = 'x'.repeat(200_000)
  const variants: RowOperation[][] = [
    [],
    [{ family: 'entries', key: bytes('ab'), value: bytes('c') }],
    [{ family: 'entries', key: bytes('a'), value: bytes('bc') }],
    [{ family: 'catalog', key: bytes('a'), value: bytes('bc') }],
    [{ family: 'entries', key: bytes('a'), value: null }],
    [{ family: 'entries', key: bytes('a'), value: bytes('') }],
    [{ family: 'entries', range: { start: bytes('a'), end: bytes('bc') } }],
    [{ family: 'entries', key: bytes('a'), value: bytes(long) }],
    [{ family: 'entries', key: bytes(long), value: bytes('a') }],
    [{ family: 'entries', key: bytes('a'), value: bytes(long) }, { family: 'entries', key: bytes('a'), value: null }],
    Array.from({ length: 1000 }, (_, at) => ({ family: 'entries', key: bytes(`${at}`), value: bytes('x'.repeat(at)) })),
  ]
  const found = variants.map((operations) => chainChecksum(operations, 0, 7))
  t.equal(new Set(found).size, variants.length)
  t.equal(found[0], 7)
  for (const operations of variants) {
    const [head, tail] = [operations.slice(0, 500), operations.slice(500)]
    t.equal(chainChecksum(tail, 0, chainChecksum(head, 0, 7)), chainChecksum(operations, 0, 7), 'one after another')
    t.equal(chainChecksum(operations, 500, chainChecksum(head, 0, 7)), chainChecksum(operations, 0, 7), 'from a place on')
  }
})

t.test('A database of a release without checksums begins at 0', async (t) => {
  const store = new MemoryStore()
  await filled(store, 1)
  await write(store, (batch) => {
    batch.put('meta', metaKeys.applied, new BinaryWriter().u64(6).u64(3).u64(3).u64(1004).u64(1).finish())
  })
  const database = await Database.open(store)
  t.same(database.checksum, { index: 6, revision: 3, value: '00000000' })
  await applyAll(database, someCommands(2).slice(-1))
  t.not(database.checksum.value, '00000000')
})

t.test('The checksum of the rows tells a database with one other bit from this one', async (t) => {
  const [first, second] = [new MemoryStore(), new MemoryStore()]
  const { applied, revision } = await filled(first, 3)
  await filled(second, 3)
  const expected = await checksumOf(await first.view())
  t.same(await checksumOf(await second.view()), expected)
  t.match(expected, { index: applied.index, revision, value: /^[0-9a-f]{8}$/ })
  await write(second, (batch) => batch.put('tags', Buffer.from('x'), Buffer.alloc(0)))
  t.not((await checksumOf(await second.view())).value, expected.value)
})
