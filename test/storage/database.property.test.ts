import fc from 'fast-check'
import { test } from 'tap'
import type { Catalog } from '../../storage/catalog.ts'
import { Database, type Applied } from '../../storage/database.ts'
import { decodeCommand, encodeCommand } from '../../storage/command.ts'
import { readKeys } from '../../storage/entries.ts'
import { everything, matches, readHistory, readTenantFeed, type Filter } from '../../storage/history.ts'
import { openRocksStore } from '../../storage/rocksdb.ts'
import { families, type Store } from '../../storage/store.ts'
import type { Operation, WriteCommand } from '../../storage/types.ts'
import { Model } from '../support/model.ts'

const tenantName = fc.constantFrom('a', 'b', 'a/x', 'a/y', 'a/x/deep')
const collectionName = fc.constantFrom('c', 'd')
const keyName = fc.constantFrom('k', 'l', 'ключ')
const tags = fc.array(fc.constantFrom('red', 'blue', 'redder'), { maxLength: 2 })
const data = fc.jsonValue({ maxDepth: 2 }).map((value) => Buffer.from(JSON.stringify(value)))
const place = { tenant: tenantName, collection: collectionName, key: keyName }

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('put' as const), ...place, tags, data }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('put' as const), tags, data }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('put' as const), tenant: tenantName, data }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('put' as const), tenant: tenantName, collection: collectionName, data }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('delete' as const), ...place, tags }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('tenant-create' as const), tenant: tenantName }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('tenant-rename' as const), tenant: tenantName, name: tenantName }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('tenant-delete' as const), tenant: tenantName, recursive: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('collection-create' as const), tenant: tenantName, collection: collectionName }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('collection-delete' as const), tenant: tenantName, collection: collectionName, recursive: fc.boolean() }) }
)

const compare = fc.record({
  tenant: tenantName, collection: collectionName, key: keyName, revision: fc.oneof(fc.constantFrom(0, 'exists' as const), fc.integer({ min: 1, max: 12 })),
})

const write: fc.Arbitrary<WriteCommand> = fc.record({
  kind: fc.constant('write' as const),
  timestamp: fc.integer({ min: 1_000_000, max: 2_000_000 }),
  compare: fc.array(compare, { maxLength: 1 }),
  then: fc.array(operation, { minLength: 1, maxLength: 4 }),
  else: fc.array(operation, { maxLength: 2 }),
}, { requiredKeys: ['kind', 'timestamp', 'compare', 'then'] })

type Step = { writes: WriteCommand[] } | 'restart'

const steps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
  { weight: 6, arbitrary: fc.record({ writes: fc.array(write, { minLength: 1, maxLength: 5 }) }) },
  { weight: 1, arbitrary: fc.constant('restart' as const) }
), { maxLength: 25 })

/** Tenants, to begin with: most random operations need one. */
const beginning: WriteCommand = {
  kind: 'write',
  timestamp: 1,
  compare: [],
  then: [{ type: 'tenant-create', tenant: 'a' }, { type: 'collection-create', tenant: 'a', collection: 'c' }],
}

test('The database agrees with a plain model, whatever is written and however often it is opened again', async (t) => {
  let run = 0
  const root = t.testdir()
  await fc.assert(fc.asyncProperty(steps, async (list) => {
    const directory = `${root}/${run++}`
    const model = new Model()
    let database = await Database.open(await openRocksStore(directory))
    try {
      await applyBoth(database, model, [beginning])
      for (const step of list) {
        if (step === 'restart') {
          await database.close()
          database = await Database.open(await openRocksStore(directory))
        } else await applyBoth(database, model, step.writes)
        await assertSame(database, model)
      }
    } finally {
      await database.close()
    }
  }), { numRuns: 60 })
})

test('Nodes that applied the same log in other batches hold the same bytes', async (t) => {
  let run = 0
  const root = t.testdir()
  const log = fc.array(write, { minLength: 1, maxLength: 30 })
  await fc.assert(fc.asyncProperty(log, fc.integer({ min: 1, max: 30 }), async (writes, size) => {
    const logged = [beginning, ...writes].map((command, at) => ({ index: at + 1, term: 1, command }))
    const dumps: string[] = []
    for (const batch of [1, size, logged.length]) {
      const database = await Database.open(await openRocksStore(`${root}/${run++}`))
      for (let at = 0; at < logged.length; at += batch) {
        // Commands come from the log's bytes, as they do on a follower.
        await database.apply(logged.slice(at, at + batch).map(({ command, ...place }) => (
          { ...place, command: decodeCommand(encodeCommand(command)) })))
      }
      dumps.push(await dump(database.store))
      await database.close()
    }
    if (dumps[0] !== dumps[1] || dumps[0] !== dumps[2]) throw new Error('the bytes differ')
  }), { numRuns: 40 })
})

async function applyBoth (database: Database, model: Model, writes: WriteCommand[]): Promise<void> {
  const first = database.applied.index + 1
  const batch: Applied[] = writes.map((command, at) => ({ index: first + at, term: 1, command }))
  const expected = writes.map((command) => model.write(command))
  const outcomes = await database.apply(batch)
  for (const [at, outcome] of outcomes.entries()) {
    const found = outcome!.ok
      ? { revisions: outcome!.written.map(({ revision }) => revision), branch: outcome!.branch }
      : { code: outcome!.code }
    same(found, expected[at])
  }
}

async function assertSame (database: Database, model: Model): Promise<void> {
  const { store, catalog, revision } = database
  same(revision, model.revision)
  const expectedTenants = [...model.tenants].map(([name, { id }]) => [name, id]).sort()
  same([...catalog.tenants()].map(({ name, id }) => [name, id]).sort(), expectedTenants)
  for (const [name, tenant] of model.tenants) {
    const node = catalog.tenant(name)!
    same([...catalog.collections(node)].map((row) => row.name), [...tenant.collections.keys()].sort())
    for (const [collectionName, { id, keys }] of tenant.collections) {
      same(catalog.collection(node, collectionName)!.id, id)
      const { entries } = await readKeys(store, node.id, id, { prefix: '', after: null, limit: 100, bytesMax: 1e6, scanMax: 1e6 })
      same(entries.map(({ key, revision, data }) => [key, revision, data.toString()]),
        [...keys].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
          .map(([key, value]) => [key, value.revision, JSON.stringify(value.data)]))
    }
    const whole = { since: 0, until: revision, limit: 1e6, bytesMax: 1e9, scanMax: 1e9 }
    const feed = await readTenantFeed(store, node.id, whole)
    same(feed.changes.map((change) => change.revision), model.tenantFeed(node.id))
  }
  const history = await pages(store, everything, revision)
  same(history.map(shown), model.changes.map(({ tenantIds, collectionId, ...change }) => change))
  for (const filter of filtersOf(catalog)) {
    const expected = model.changes.filter(({ type, tags, key, tenantIds, collectionId }) => (
      matches(filter, { scope: { type: type as 'put', tags, key: key ?? null, tenants: tenantIds, collection: collectionId } })))
    const found = await pages(store, filter, revision)
    same(found.map((change) => change.revision), expected.map((change) => change.revision))
  }
}

function filtersOf (catalog: Catalog): Filter[] {
  const filters: Filter[] = [{ ...everything, tags: ['red'] }, { ...everything, tags: ['blue', 'redder'] }]
  for (const node of catalog.tenants()) {
    filters.push({ ...everything, tenant: node.id }, { ...everything, tenant: node.id, descendants: true, tags: ['red'] })
    for (const { id } of catalog.collections(node)) filters.push({ ...everything, tenant: node.id, collection: id, key: 'k' })
  }
  return filters
}

/** Everything that a filter lets through, read in small pages. */
async function pages (store: Store, filter: Filter, until: number): Promise<Array<{ revision: number, text: Buffer }>> {
  const found = []
  for (let since = 0; since < until;) {
    const page = await readHistory(store, { since, until, filter, limit: 3, bytesMax: 1e6, scanMax: 7 })
    if (page.lastRevision <= since) throw new Error('a page that does not move on')
    found.push(...page.changes)
    since = page.lastRevision
  }
  return found
}

function shown ({ text }: { text: Buffer }): object {
  const { timestamp, tags = [], ...change } = JSON.parse(text.toString())
  return { ...change, tags }
}

async function dump (store: Store): Promise<string> {
  const rows: string[] = []
  const all = { start: Buffer.of(0), end: Buffer.alloc(64, 0xff) }
  for (const family of families) {
    for await (const { key, value } of store.scan(family, all)) rows.push(`${family} ${key.toString('hex')} ${value.toString('hex')}`)
  }
  return rows.join('\n')
}

function same (found: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(sortedMembers(found)), JSON.stringify(sortedMembers(expected))]
  if (a !== b) throw new Error(`found ${a}, expected ${b}`)
}

function sortedMembers (value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedMembers)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)
  return Object.fromEntries(members.map(([name, member]) => [name, sortedMembers(member)]))
}
