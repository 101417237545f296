import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { listeningNode, until } from '../support/node.ts'
import { Random } from '../support/random.ts'
import type { HistoryChange } from '../support/replay.ts'
import { StreamReader } from './stream-reader.ts'
import { collections, prepare, tenants, writeMany } from './world.ts'

const seed = Number(process.env.FEEDS_SEED ?? Date.now() % 1_000_000)
const settings = { feedTailBytesMax: 64 * 1024, streamHeartbeatSeconds: 1 }
const writers = 4
const writesEach = 100

t.test('A copy that follows a tenant\'s own feed becomes what the tenant holds, whenever it began', async (t) => {
  t.comment(`again with FEEDS_SEED=${seed}`)
  const random = new Random(seed)
  const { app, url } = await listeningNode(t, settings)
  await prepare(app)
  const copies = tenants.flatMap((tenant) => {
    const path = `${url}/tenants/${encodeURIComponent(tenant)}/changes`
    return [
      { what: 'pages', tenant, path, copy: new Copy(), follow: pollInto },
      { what: 'a stream', tenant, path, copy: new Copy(), follow: streamInto.bind(null, t) }
    ]
  })
  const writing = write(app, random)
  const end = writing.then(() => app.database.revision)
  const early = copies.map(({ copy, path, follow }) => follow(path, copy, end))
  await Promise.all([...early, writing])
  const late = copies.map(({ tenant, path }) => ({ what: 'pages from the end', tenant, path, copy: new Copy() }))
  await Promise.all(late.map(({ path, copy }) => pollInto(path, copy, end)))

  for (const { what, tenant, copy } of [...copies, ...late]) {
    t.same(copy.held(tenant), await heldBy(app, tenant), `${tenant}: ${what}, ${copy.seen} changes`)
  }
})

t.test('A copy that reads only the newest change of each key on a page becomes what is held', async (t) => {
  t.comment(`again with FEEDS_SEED=${seed}`)
  const random = new Random(seed)
  const { app, url } = await listeningNode(t, settings)
  await prepare(app)
  const writing = write(app, random)
  const copy = new Copy()
  await pollInto(`${url}/changes?distinct=key`, copy, writing.then(() => app.database.revision))
  for (const tenant of tenants) t.same(copy.held(tenant), await heldBy(app, tenant), tenant)
  t.ok(copy.seen < app.database.revision, `${copy.seen} of ${app.database.revision} changes were enough`)
})

/** Keys and their values as a follower of a feed knows them. */
class Copy {
  seen = 0
  #revision = 0
  /** Tenant, collection, key. */
  readonly #held = new Map<string, Map<string, Map<string, unknown>>>()

  apply ({ revision, type, tenant = '', collection = '', key, data }: HistoryChange): void {
    if (revision <= this.#revision) throw new Error(`${revision} came after ${this.#revision}`)
    this.#revision = revision
    this.seen++
    if (type === 'collection-delete') this.#held.get(tenant)?.delete(collection)
    if (type === 'tenant-delete') this.#held.delete(tenant)
    if (key === undefined) return
    const keys = at(at(this.#held, tenant), collection)
    if (type === 'put') keys.set(key, data)
    else keys.delete(key)
  }

  held (tenant: string): object {
    return shown([...this.#held.get(tenant) ?? []].map(([name, keys]) => [name, [...keys]]))
  }
}

function write (app: FastifyInstance, random: Random): Promise<unknown> {
  return Promise.all(Array.from({ length: writers }, () => writeMany(app, new Random(random.below(1e9)), writesEach)))
}

async function pollInto (url: string, copy: Copy, end: Promise<number>): Promise<void> {
  let last = Infinity
  void end.then((revision) => { last = revision })
  for (let since = 0; since < last;) {
    const target = new URL(url)
    target.searchParams.set('since', String(since))
    target.searchParams.set('limit', '50')
    target.searchParams.set('block', '1')
    const page = await (await fetch(target)).json() as { changes: HistoryChange[], lastRevision: number }
    for (const change of page.changes) copy.apply(change)
    since = page.lastRevision
  }
}

/** Heartbeats carry how far the node has looked, so that the end shows although it is another tenant's. */
async function streamInto (t: Test, url: string, copy: Copy, end: Promise<number>): Promise<void> {
  const reader = await StreamReader.open(t, url, { framing: 'sse', since: 0, onChange: (change) => copy.apply(change) })
  const last = await end
  await until(() => Number(reader.lastEventId) >= last, `the stream to reach ${last}`, 60)
  reader.close()
}

async function heldBy (app: FastifyInstance, tenant: string): Promise<object> {
  const held: Array<[string, Array<[string, unknown]>]> = []
  for (const name of collections) {
    const response = await app.inject(`/tenants/${encodeURIComponent(tenant)}/collections/${name}/keys`)
    const { keys } = response.json<{ keys: Array<{ key: string, data: unknown }> }>()
    held.push([name, keys.map(({ key, data }) => [key, data])])
  }
  return shown(held)
}

/** Collections without keys do not count: a follower may have come too late to hear of one. */
function shown (held: Array<[string, Array<[string, unknown]>]>): object {
  const withKeys = held.filter(([, keys]) => keys.length > 0)
  return Object.fromEntries(withKeys.map(([name, keys]) => [name, keys.sort(([a], [b]) => a < b ? -1 : 1)]))
}

function at<Value> (map: Map<string, Map<string, Value>>, name: string): Map<string, Value> {
  const found = map.get(name) ?? new Map<string, Value>()
  map.set(name, found)
  return found
}
