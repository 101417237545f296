import t, { type Test } from 'tap'
import { listeningNode, until } from '../support/node.ts'
import { Random } from '../support/random.ts'
import type { HistoryChange } from '../support/replay.ts'
import { StreamReader, type Framing } from './stream-reader.ts'
import { belongs, filters, prepare, queryOf, writeMany, type Filter } from './world.ts'

const seed = Number(process.env.FEEDS_SEED ?? Date.now() % 1_000_000)
const writers = 6
const writesEach = 120
/** Less than the changes take, so that readers who are behind are served from the disk. */
const feedTailBytesMax = 64 * 1024

t.test('While many write, every reader gets every change that it follows, in order, once', async (t) => {
  t.comment(`again with FEEDS_SEED=${seed}`)
  const random = new Random(seed)
  const newRandom = (): Random => new Random(random.below(2 ** 32))
  const { app, url } = await listeningNode(t, { feedTailBytesMax })
  await prepare(app)

  const followers = filters.flatMap((filter) => [
    new Follower('pages', filter, (follower) => readPages(url, follower, newRandom(), 0)),
    new Follower('long polls', filter, (follower) => readPages(url, follower, newRandom(), 5)),
    new Follower('server-sent events', filter, (follower) => readStreams(t, url, follower, newRandom(), 'sse')),
    new Follower('lines', filter, (follower) => readStreams(t, url, follower, newRandom(), 'ndjson'))
  ])
  await Promise.all(Array.from({ length: writers }, () => writeMany(app, newRandom(), writesEach)))
  t.ok(app.feed.tail.firstRevision > 1, 'the oldest changes are on the disk only')

  const history = (await app.inject('/changes?limit=10000')).json<{ changes: HistoryChange[] }>().changes
  t.same(history.map(({ revision }) => revision), Array.from(history, (_, at) => at + 1), 'revisions are dense')
  const expected = followers.map(({ filter }) => history.filter((change) => belongs(filter, change)))
  followers.forEach((follower, at) => { follower.last = expected[at]!.at(-1)?.revision ?? 0 })
  await Promise.all(followers.map(({ done }) => done))
  for (const [at, { what, filter, seen }] of followers.entries()) {
    t.equal(difference(seen, expected[at]!), null, `${what} of ${JSON.stringify(filter)}: ${seen.length} changes`)
  }
})

/** A reader with its own pace; it is done when it has seen the last change that it follows. */
class Follower {
  readonly what: string
  readonly filter: Filter
  readonly seen: HistoryChange[] = []
  readonly done: Promise<void>
  /** Known once the writers are done. */
  last = Infinity

  constructor (what: string, filter: Filter, read: (follower: Follower) => Promise<void>) {
    this.what = what
    this.filter = filter
    this.done = read(this)
  }
}

/** Reads pages of random lengths, or waits for each so many seconds. */
async function readPages (url: string, follower: Follower, random: Random, seconds: number): Promise<void> {
  for (let since = 0; since < follower.last;) {
    const query = queryOf(follower.filter)
    query.set('since', String(since))
    query.set('limit', String(1 + random.below(100)))
    if (seconds > 0) query.set('block', String(seconds))
    const response = await fetch(`${url}/changes?${query}`)
    const page = await response.json() as { changes: HistoryChange[], lastRevision: number }
    follower.seen.push(...page.changes)
    since = page.lastRevision
  }
}

/** Follows a stream, drops it at a random place, and resumes where it stood. */
async function readStreams (t: Test, url: string, follower: Follower, random: Random, framing: Framing): Promise<void> {
  const { filter, seen } = follower
  for (let since = '0'; Number(since) < follower.last;) {
    const resumed = framing === 'sse' ? { lastEventId: since } : { since: Number(since) }
    const reader = await StreamReader.open(t, `${url}/changes?${queryOf(filter)}`, { framing, ...resumed })
    const enough = 1 + random.below(200)
    const position = (): string => reader.lastEventId === '' ? since : reader.lastEventId
    await until(() => reader.changes.length >= enough || Number(position()) >= follower.last, 'changes', 60)
    reader.close()
    seen.push(...reader.changes)
    since = position()
  }
}

/** Where the two lists first differ, or null. */
function difference (seen: HistoryChange[], expected: HistoryChange[]): string | null {
  for (let at = 0; at < Math.max(seen.length, expected.length); at++) {
    const [found, wanted] = [JSON.stringify(seen[at]), JSON.stringify(expected[at])]
    if (found !== wanted) return `at place ${at}: ${found} rather than ${wanted}`
  }
  return null
}
