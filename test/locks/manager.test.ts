import { test } from 'tap'
import { LockManager, type LockManagerOptions, type LocksWanted } from '../../plugins/locks/manager.ts'
import { Catalog } from '../../storage/catalog.ts'
import type { Problem } from '../../storage/problem.ts'
import type { Operation } from '../../storage/types.ts'
import { until } from '../support/node.ts'

const put: Operation = { type: 'put', tenant: 'coke', collection: 'settings', key: 'k' }

/** A manager, and what became of each write in the order in which it became so. */
function build (t: { teardown: (end: () => void) => void }, options: Partial<LockManagerOptions> = {}) {
  const catalog = new Catalog()
  catalog.mutate({ kind: 'tenant', id: 1, row: { id: 1, parent: 0, segment: 'coke', revision: 1 } })
  const manager = new LockManager({ catalog: () => catalog, waitSeconds: 60, waitersMax: 100, ...options })
  t.teardown(() => { manager.close() })
  const events: string[] = []
  const leaves = new Map<string, () => void>()
  const ask = (request: string, then: Operation[], more: Partial<LocksWanted['proposal']> = {}): void => {
    manager.acquire({
      proposal: { kind: 'write', compare: [], then, ...more },
      request,
      enter: (leave) => {
        events.push(request)
        leaves.set(request, leave)
      },
      refuse: (problem: Problem | null) => { events.push(`${request}: ${problem?.code ?? 'elsewhere'}`) },
    })
  }
  return { catalog, manager, events, ask, leave: (request: string) => { leaves.get(request)!() } }
}

test('Writes of one key go one after another; of others, beside it', (t) => {
  const { manager, events, ask, leave } = build(t)
  ask('first', [put])
  ask('second', [put])
  ask('third', [put])
  ask('other key', [{ ...put, key: 'other' }])
  ask('by id', [{ ...put, tenant: '1', key: 'other' }])
  ask('record', [{ type: 'put', tenant: 'coke', collection: 'settings' }])
  ask('of no tenant', [{ type: 'put' }])
  t.same(events, ['first', 'other key', 'record', 'of no tenant'])
  t.equal(manager.held, 4)
  t.equal(manager.waiting, 3)
  leave('first')
  leave('first')
  leave('other key')
  t.same(events.slice(4), ['second', 'by id'])
  leave('second')
  t.same(events.slice(6), ['third'])
  t.end()
})

test('A long line of writes that leave at once is told to the end', (t) => {
  const { manager, ask, leave } = build(t, { waitersMax: 20_000 })
  const proposal = { kind: 'write' as const, compare: [], then: [put] }
  const refuse = (): void => { t.fail('nobody is refused') }
  let entered = 0
  ask('first', [put])
  for (let n = 0; n < 20_000; n++) {
    const enter = (done: () => void): void => {
      entered++
      done()
    }
    manager.acquire({ proposal, request: `${n}`, enter, refuse })
  }
  leave('first')
  t.equal(entered, 20_000)
  t.match(manager, { held: 0, waiting: 0 })
  t.end()
})

test('What a transaction compares is shared, and both its branches count', (t) => {
  const { events, ask, leave } = build(t)
  const compare = [{ tenant: 'coke', collection: 'settings', key: 'k', revision: 0 }]
  ask('compare', [], { compare })
  ask('compare too', [{ ...put, key: 'then' }], { compare, else: [{ ...put, key: 'else' }] })
  ask('put', [put])
  ask('else', [{ ...put, key: 'else' }])
  t.same(events, ['compare', 'compare too'])
  leave('compare')
  t.same(events.slice(2), [])
  leave('compare too')
  t.same(events.slice(2), ['put', 'else'])
  t.end()
})

test('A deletion waits for writes inside, those that come later wait for it, and a new name is taken by one at a time', (t) => {
  const { events, ask, leave } = build(t)
  ask('put', [put])
  ask('delete', [{ type: 'collection-delete', tenant: 'coke', collection: 'settings', recursive: true }])
  ask('late put', [put])
  ask('elsewhere', [{ ...put, collection: 'other' }])
  ask('delete all', [{ type: 'tenant-delete', tenant: 'coke', recursive: true }])
  ask('create below', [{ type: 'tenant-create', tenant: 'coke/new' }])
  t.same(events.splice(0), ['put', 'elsewhere'])
  leave('put')
  t.same(events.splice(0), ['delete'])
  leave('delete')
  leave('elsewhere')
  t.same(events.splice(0), ['late put'])
  leave('late put')
  t.same(events.splice(0), ['delete all'])
  leave('delete all')
  t.same(events.splice(0), ['create below'])
  ask('create the same', [{ type: 'tenant-create', tenant: 'coke/new' }])
  ask('create another', [{ type: 'tenant-create', tenant: 'coke/other' }])
  ask('rename to it', [{ type: 'tenant-rename', tenant: 'coke/third', name: 'coke/other' }])
  t.same(events.splice(0), ['create another'])
  t.end()
})

test('Whoever waited for a rename waits for the tenant under the name that it has then', (t) => {
  const { catalog, events, ask, leave } = build(t)
  ask('rename', [{ type: 'tenant-rename', tenant: 'coke', name: 'pepsi' }])
  ask('by id', [{ ...put, tenant: '1' }])
  ask('by the old name', [put])
  catalog.mutate({ kind: 'tenant', id: 1, row: { id: 1, parent: 0, segment: 'pepsi', revision: 2 } })
  leave('rename')
  ask('by the new name', [{ ...put, tenant: 'pepsi' }])
  t.same(events, ['rename', 'by id', 'by the old name'], 'the old name is that of another tenant now')
  leave('by id')
  t.same(events.slice(3), ['by the new name'])
  t.end()
})

test('Whoever lines up again under another name has waited all the time', (t) => {
  const { catalog, manager, events, ask, leave } = build(t)
  ask('rename', [{ type: 'tenant-rename', tenant: 'coke', name: 'pepsi' }])
  ask('by id', [{ ...put, tenant: '1' }])
  ask('rename again', [{ type: 'tenant-rename', tenant: 'pepsi', name: 'fanta' }])
  const waitsSince = () => manager.places().flatMap(({ waiters }) => waiters)
    .find(({ owner }) => owner.request === 'by id')?.owner.since
  const since = waitsSince()
  catalog.mutate({ kind: 'tenant', id: 1, row: { id: 1, parent: 0, segment: 'pepsi', revision: 2 } })
  leave('rename')
  t.same(events, ['rename', 'rename again'])
  t.type(since, 'number')
  t.equal(waitsSince(), since)
  t.end()
})

test('Waiting is bounded in number', (t) => {
  const { manager, events, ask, leave } = build(t, { waitersMax: 1 })
  ask('first', [put])
  ask('second', [put])
  ask('third', [put])
  ask('other key', [{ ...put, key: 'other' }])
  t.same(events, ['first', 'third: TOO_MANY_WAITERS', 'other key'])
  leave('first')
  ask('fourth', [put])
  t.same(events.slice(3), ['second'])
  t.equal(manager.waiting, 1)
  t.end()
})

test('Waiting is bounded in time, and whoever is given up is in nobody\'s way', async (t) => {
  const results: string[] = []
  const onWaited: LockManagerOptions['onWaited'] = ({ result }) => { results.push(result) }
  const { manager, events, ask, leave } = build(t, { waitSeconds: 0.2, onWaited })
  ask('first', [put])
  ask('delete', [{ type: 'collection-delete', tenant: 'coke', collection: 'settings', recursive: true }])
  await until(() => events.length === 2, 'the deletion to be given up')
  t.same(events.splice(0), ['first', 'delete: LOCK_TIMEOUT'])
  ask('other key', [{ ...put, key: 'other' }])
  ask('again', [put])
  t.same(events.splice(0), ['other key'])
  leave('first')
  t.same(events.splice(0), ['again'])
  t.equal(manager.waiting, 0)
  t.same(results, ['timeout', 'granted'])
})

test('A leader that steps down refuses all who wait at once, and holds nothing', (t) => {
  const { manager, events, ask, leave } = build(t)
  ask('first', [put])
  ask('second', [put])
  ask('third', [put])
  manager.abandon()
  t.same(events.splice(0), ['first', 'second: elsewhere', 'third: elsewhere'])
  t.equal(manager.held, 0)
  ask('in the next term', [put])
  leave('first')
  ask('after it', [put])
  t.same(events, ['in the next term'], 'what is given back of the old term changes nothing')
  t.end()
})
