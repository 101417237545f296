import { writeFileSync, createReadStream } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checksumOf } from '../../storage/checksum.ts'
import { Database } from '../../storage/database.ts'
import { readEntry } from '../../storage/entries.ts'
import { everyKey } from '../../storage/keys.ts'
import { openRocksStore } from '../../storage/rocksdb.ts'
import type { Batch } from '../../storage/store.ts'
import { allRows, applyAll, filled, imageChunks, someCommands, streamed } from '../support/filled-database.ts'
import { MemoryRows, MemoryStore } from '../support/memory-store.ts'
import { folder } from '../support/node.ts'

const shown = [
  'applied', 'revision', 'firstRevision', 'timestamp', 'checksum', 'clusterId', 'settings', 'configuration',
] as const

const notReady = { code: 'NOT_READY', params: { reason: 'a snapshot is being installed' } }

t.test('A restore puts the image in the place of everything, and the database goes on from there', async (t) => {
  const source = await filled(await openRocksStore(folder(t)), 2000)
  t.teardown(() => source.close())
  const directory = folder(t)
  let target = await Database.open(await openRocksStore(directory))
  t.teardown(() => target.close())
  await applyAll(target, [...someCommands(5), {
    kind: 'write', timestamp: 5000, compare: [], then: [{ type: 'tenant-create', tenant: 'other' }],
  }])
  t.not(target.catalog.tenant('other'), null)
  // Rows that the image does not have are in the cache.
  const { id } = target.catalog.tenant('a')!
  await readEntry(target.cache, id, 2, 'k1999')
  await readEntry(target.cache, id, 2, 'k1')
  const image = join(folder(t), 'image')
  writeFileSync(image, Buffer.concat(await imageChunks(source)))
  const heard: string[] = []
  target.listenNodes(() => heard.push('nodes'))
  target.listenRestore(() => heard.push(`restored to ${target.revision}`))

  await target.restore(createReadStream(image))
  t.same(heard, ['restored to 2002'])
  t.equal(target.isTorn, false)
  const same = async (): Promise<void> => {
    for (const member of shown) {
      t.same(target[member], source[member], member)
    }
    t.same([...target.nodes], [...source.nodes])
    t.equal(target.catalog.tenant('other'), null)
    t.not(await readEntry(target.cache, id, 2, 'k1999'), null)
    t.same(await allRows(target.store), await allRows(source.store))
    const views = await Promise.all([source.store.view(), target.store.view()])
    t.same(await checksumOf(views[0]), await checksumOf(views[1]))
    await Promise.all(views.map((view) => view.release()))
  }
  await same()
  for (const database of [source, target]) {
    await applyAll(database, [{
      kind: 'write',
      timestamp: 6000,
      compare: [],
      then: [{ type: 'put', tenant: 'a', collection: 'c', key: 'k1', data: Buffer.from('1') }],
    }])
  }
  await same()
  await target.close()
  target = await Database.open(await openRocksStore(directory))
  await same()
})

t.test('While an image is installed nothing is read and nothing applied; reads under way end as well', async (t) => {
  const source = await filled(new MemoryStore(), 1000)
  const store = await openRocksStore(folder(t))
  const target = await filled(store, 300)
  t.teardown(() => target.close())
  const { store: gated } = target
  const key = Buffer.from('k')
  const view = await gated.view()
  const before = await allRows(view)
  const scan = gated.scan('entries', everyKey)[Symbol.asyncIterator]()
  await scan.next()
  const pieces = gated.pieces('entries', everyKey)[Symbol.asyncIterator]()
  const unbegun = gated.scan('entries', everyKey)[Symbol.asyncIterator]()
  const image = await imageChunks(source)
  let underWay: Promise<PromiseSettledResult<unknown>[]> | null = null
  async function * chunks (): AsyncGenerator<Buffer> {
    underWay = Promise.allSettled([gated.get('meta', key), gated.getMany([{ family: 'meta', key }])])
    yield * image.slice(0, 1)
    // Chunks after the first are asked for while rows are being replaced.
    await t.rejects(gated.get('meta', key), notReady)
    await t.rejects(gated.getMany([{ family: 'meta', key }]), notReady)
    await t.rejects(gated.view(), notReady)
    await t.rejects(pieces.next(), notReady)
    await t.rejects(unbegun.next(), notReady)
    await t.rejects(target.cache.load({ family: 'entries', key }), notReady)
    await t.rejects(target.apply([{ index: target.applied.index + 1, term: 3, command: null }]), notReady)
    t.equal(target.isTorn, true)
    t.equal(target.revision, 302, 'what is shown is the old state until it is replaced')
    t.not(target.catalog.tenant('a'), null)
    yield * image.slice(1)
  }
  await target.restore(chunks())
  for (const end of await underWay!) t.match(end, { status: 'rejected', reason: notReady })
  await t.rejects(async () => {
    for (let row = await scan.next(); row.done !== true; row = await scan.next()) void row
  }, notReady)
  t.same(await allRows(view), before, 'a view is of one moment')
  await view.release()
  t.equal((await allRows(gated)).length, (await allRows(source.store)).length)
  await applyAll(target, someCommands(1).slice(-1))
})

t.test('A restore waits for what is being applied', async (t) => {
  const source = await filled(new MemoryStore(), 50)
  const target = await Database.open(await openRocksStore(folder(t)))
  t.teardown(() => target.close())
  const applied = applyAll(target, someCommands(200))
  const restored = target.restore(streamed(await imageChunks(source)))
  await applied
  await restored
  t.same(target.applied, source.applied)
  t.same(await allRows(target.store), await allRows(source.store))
})

t.test('An image that cannot be used leaves the database as it was when its header shows it', async (t) => {
  const target = await filled(new MemoryStore(), 5)
  const before = await allRows(target.store)
  for (const bytes of [Buffer.alloc(0), Buffer.from('nonsense, and more of it')]) {
    await t.rejects(target.restore(streamed([bytes])), { name: 'ImageError' })
    t.equal(target.isTorn, false)
    t.same(await allRows(target.store), before)
  }
  await applyAll(target, someCommands(1).slice(-1))
})

t.test('An image that ends too early leaves the database torn, until another is installed', async (t) => {
  const image = await imageChunks(await filled(new MemoryStore(), 1000))
  const rows = new MemoryRows()
  const target = await filled(new MemoryStore(rows), 5)
  await t.rejects(target.restore(streamed(image.slice(0, 3))), { code: 'IMAGE_TRUNCATED' })
  for (const database of [target, await Database.open(new MemoryStore(rows))]) {
    t.equal(database.isTorn, true)
    t.same(database.applied, { index: 0, term: 0 })
    t.equal(database.catalog.tenantCount, 0)
    t.equal(database.clusterId, null)
    t.same(database.nodes, new Map())
    await t.rejects(database.store.get('meta', Buffer.from('k')), notReady)
    await t.rejects(allRows(database.store), notReady)
    await t.rejects(database.apply([{ index: 1, term: 1, command: null }]), notReady)
  }
  await target.restore(streamed(image))
  t.equal(target.isTorn, false)
  t.equal((await Database.open(new MemoryStore(rows))).revision, 1002)
})

/** A store whose process dies after so many steps: batches written and flushes. */
class DyingStore extends MemoryStore {
  steps: number

  constructor (rows: MemoryRows, steps: number) {
    super(rows)
    this.steps = steps
  }

  override batch (): Batch {
    const batch = super.batch()
    return { ...batch, write: async () => { this.#step(); await batch.write() } }
  }

  override async flush (): Promise<void> {
    this.#step()
    await super.flush()
  }

  #step (): void {
    if (this.steps-- <= 0) throw new Error('dead')
  }
}

t.test('Wherever a restore dies, and whatever the power takes, the database is the old one, torn, or the new one', async (t) => {
  const image = await imageChunks(await filled(new MemoryStore(), 300))
  const oldRows = new MemoryRows()
  await (await filled(new MemoryStore(oldRows), 20)).flush()
  const old = await allRows(new MemoryStore(oldRows))
  const whole = new MemoryStore()
  await (await Database.open(whole)).restore(streamed(image))
  const renewed = await allRows(whole)
  const found = { old: 0, torn: 0, new: 0 }
  let isDone = false
  for (let steps = 0; !isDone; steps++) {
    for (let lost = 0, losable = 0; lost <= losable; lost++) {
      const rows = oldRows.copy()
      const dying = new DyingStore(rows, Infinity)
      const database = await Database.open(dying)
      dying.steps = steps
      isDone = await database.restore(streamed(image)).then(() => true, () => false)
      losable = rows.unflushed
      rows.lose(lost)
      const reopened = await Database.open(new MemoryStore(rows))
      if (reopened.isTorn) {
        found.torn++
        t.same(reopened.applied, { index: 0, term: 0 })
        await reopened.restore(streamed(image))
        t.same(await allRows(reopened.store), renewed)
        continue
      }
      const now = (await allRows(reopened.store)).join()
      found[now === old.join() ? 'old' : 'new']++
      if (now !== old.join()) t.equal(now, renewed.join())
      if (isDone) t.same({ lost, losable, isNew: now === renewed.join() }, { lost: 0, losable: 0, isNew: true })
    }
  }
  t.ok(found.old > 0 && found.torn > 5 && found.new > 0, JSON.stringify(found))
})
