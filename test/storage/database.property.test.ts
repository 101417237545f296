import fc from 'fast-check'
import { test } from 'tap'
import type { Catalog } from '../../storage/catalog.ts'
import { checksumOf } from '../../storage/checksum.ts'
import { Database, type Applied, type AppliedConfiguration } from '../../storage/database.ts'
import { decodeCommand, encodeCommand } from '../../storage/command.ts'
import { readKeys } from '../../storage/entries.ts'
import { everything, matches, readHistory, readTenantFeed, type Filter } from '../../storage/history.ts'
import { imageOf } from '../../storage/image.ts'
import { everyKey } from '../../storage/keys.ts'
import type { Problem } from '../../storage/problem.ts'
import type { ReceiptText } from '../../storage/receipt.ts'
import { readReceipt } from '../../storage/receipts.ts'
import { openRocksStore } from '../../storage/rocksdb.ts'
import { families, type Store } from '../../storage/store.ts'
import type { Command, NodeCommand, NodeRemoveCommand, RejectCommand, WriteCommand } from '../../storage/types.ts'
import { beginning, configuration, housekeeping, nodeCommand, rejection, write } from '../support/arbitrary-commands.ts'
import { MemoryStore } from '../support/memory-store.ts'
import { Model } from '../support/model.ts'
import { NodeModel } from '../support/node-model.ts'

type ClusterStep = { node: NodeCommand | NodeRemoveCommand } | { configuration: AppliedConfiguration }
type Step = { writes: (WriteCommand | RejectCommand)[] } | ClusterStep | 'restart' | 'image'

const clusterStep: fc.Arbitrary<ClusterStep> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ node: nodeCommand }) },
  { weight: 1, arbitrary: fc.record({ configuration }) }
)

const writeOrRejection = fc.oneof({ weight: 9, arbitrary: write }, { weight: 1, arbitrary: rejection })

const steps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
  { weight: 6, arbitrary: fc.record({ writes: fc.array(writeOrRejection, { minLength: 1, maxLength: 5 }) }) },
  { weight: 2, arbitrary: clusterStep },
  { weight: 1, arbitrary: fc.constantFrom('restart' as const, 'image' as const) }
), { maxLength: 25 })

test('The database agrees with a plain model, whatever is written and however often it is opened again', async (t) => {
  let run = 0
  const root = t.testdir()
  await fc.assert(fc.asyncProperty(steps, async (list) => {
    const directory = `${root}/${run++}`
    const model = new Model()
    const nodes = new NodeModel()
    const given = new Map<string, ReceiptText>()
    let database = await Database.open(await openRocksStore(directory))
    try {
      await applyBoth(database, model, [beginning])
      for (const step of list) {
        if (step === 'restart') {
          const { checksum } = database
          await database.close()
          database = await Database.open(await openRocksStore(directory))
          same(database.checksum, checksum)
        } else if (step === 'image') {
          await database.restore((await imageOf(await database.store.view())).chunks)
        } else if ('writes' in step) {
          for (const { receipt } of step.writes) {
            if (receipt === undefined || given.has(receipt.id.toString('hex'))) continue
            given.set(receipt.id.toString('hex'), { ...receipt, clusterId: '', after: database.applied.index })
          }
          await applyBoth(database, model, step.writes)
          await assertReceipts(database, model, given.values())
        } else {
          // The clock that deadlines meet goes with every command.
          if ('node' in step) model.clock = Math.max(model.clock, step.node.timestamp)
          await stepBoth(database, nodes, step)
        }
        await assertSame(database, model)
        same([...database.nodes.values()], nodes.records)
        same(database.configuration, nodes.configuration)
      }
    } finally {
      await database.close()
    }
  }), { numRuns: 60 })
})

test('The node list agrees with a plain model', async () => {
  await fc.assert(fc.asyncProperty(fc.array(clusterStep, { maxLength: 30 }), async (list) => {
    const database = await Database.open(new MemoryStore())
    const nodes = new NodeModel()
    for (const step of list) {
      await stepBoth(database, nodes, step)
      same([...database.nodes.values()], nodes.records)
    }
  }), { numRuns: 300 })
})

test('Nodes that applied the same log in other batches hold the same bytes, and say so by their checksums', async (t) => {
  let run = 0
  const root = t.testdir()
  const entry = fc.oneof(
    { weight: 4, arbitrary: fc.record({ command: writeOrRejection }) },
    { weight: 1, arbitrary: fc.record({ command: housekeeping }) },
    { weight: 1, arbitrary: clusterStep }
  )
  const log = fc.array(entry, { minLength: 1, maxLength: 30 })
  await fc.assert(fc.asyncProperty(log, fc.integer({ min: 1, max: 30 }), async (entries, size) => {
    const logged = [{ command: beginning }, ...entries].map((one, at) => ({ index: at + 1, term: 1, ...one }))
    const found: string[] = []
    for (const batch of [1, size, logged.length]) {
      const directory = `${root}/${run++}`
      let database = await Database.open(await openRocksStore(directory))
      for (let at = 0; at < logged.length; at += batch) {
        await database.apply(logged.slice(at, at + batch).map(fromLog))
        // One of the nodes is started again now and then.
        if (batch !== size) continue
        await database.close()
        database = await Database.open(await openRocksStore(directory))
      }
      const view = await database.store.view()
      found.push(JSON.stringify([await dump(database.store), database.checksum, await checksumOf(view)]))
      await view.release()
      await database.close()
    }
    if (found[0] !== found[1] || found[0] !== found[2]) throw new Error('the bytes differ')
  }), { numRuns: 40 })
})

type Logged = { index: number, term: number } & ({ command: Command } | ClusterStep)

/** Commands come from the log's bytes, as they do on a follower. */
function fromLog ({ index, term, ...entry }: Logged): Applied {
  if ('configuration' in entry) return { index, term, command: null, configuration: entry.configuration }
  const command = 'node' in entry ? entry.node : entry.command
  return { index, term, command: decodeCommand(encodeCommand(command)) }
}

async function stepBoth (database: Database, nodes: NodeModel, step: ClusterStep): Promise<void> {
  const { revision, timestamp } = database
  const [outcome] = await database.apply([fromLog({ index: database.applied.index + 1, term: 1, ...step })])
  if ('configuration' in step) return nodes.configure(step.configuration, revision, timestamp)
  const refusal = nodes.execute(step.node, revision, Math.max(timestamp, step.node.timestamp))
  same(outcome!.ok ? null : outcome!.code, refusal)
}

async function applyBoth (database: Database, model: Model, writes: (WriteCommand | RejectCommand)[]): Promise<void> {
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

/** What each receipt says is what became of its write: for certain, as soon as it says anything. */
async function assertReceipts (database: Database, model: Model, given: Iterable<ReceiptText>): Promise<void> {
  for (const receipt of given) {
    const known = model.outcomes.get(receipt.id.toString('hex'))
    const found = await readReceipt(database, receipt).catch((error: Problem) => ({ state: error.code }))
    const rejected = (code: string): void => same({ ...found, params: null }, { state: 'rejected', code, params: null })
    if (known !== undefined && 'code' in known.outcome) rejected(known.outcome.code)
    else if (known !== undefined) same(found, { state: 'committed', revision: known.revision })
    else if (model.clock > receipt.keptUntil) same(found, { state: 'RECEIPT_GONE' })
    else if (model.clock > receipt.deadline) rejected('WRITE_EXPIRED')
    else same(found, null)
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
    const expected = model.changes.filter(({ revision, type, tags, key, tenantIds, collectionId }) => {
      const scope = { type: type as 'put', tags, key: key ?? null, tenants: tenantIds, collection: collectionId }
      return matches(filter, { revision, scope, text: Buffer.alloc(0) })
    })
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
  for (const family of families) {
    for await (const { key, value } of store.scan(family, everyKey)) rows.push(`${family} ${key.toString('hex')} ${value.toString('hex')}`)
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
