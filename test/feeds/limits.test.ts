import t, { type Test } from 'tap'
import { listeningNode, until, type ListeningNode } from '../support/node.ts'
import { Refused, StreamReader, type ProblemBody } from './stream-reader.ts'
import { post } from './world.ts'

const limit = 5
const more = 20

t.test('As many streams are open as the node allows; the next is told to come later, and may when one has gone', async (t) => {
  const { app, url } = await withHistory(t, { streamsMax: limit })
  const open = (): Promise<StreamReader> => StreamReader.open(t, `${url}/changes?since=0`, { framing: 'sse' })
  const together = await Promise.allSettled(Array.from({ length: more }, open))
  const readers = together.flatMap((result) => result.status === 'fulfilled' ? [result.value] : [])
  const refusals = together.flatMap((result) => result.status === 'rejected' ? [result.reason as unknown] : [])
  t.equal(readers.length, limit)
  t.equal(app.feed.streams, limit)
  for (const refusal of refusals) {
    t.ok(refusal instanceof Refused)
    t.match((refusal as Refused).problem, {
      status: 429, code: 'TOO_MANY_READERS', setting: 'CHANGEWELL_STREAMS_MAX', limit, detail: /CHANGEWELL_STREAMS_MAX/,
    })
  }
  const response = await fetch(`${url}/changes`, { headers: { accept: 'application/x-ndjson' } })
  t.equal(response.status, 429)
  t.equal(response.headers.get('retry-after'), '1')
  t.equal((await fetch(`${url}/changes`)).status, 200, 'a page is no stream')

  readers[0]!.close()
  await until(() => app.feed.streams === limit - 1, 'the stream to be gone')
  const next = await open()
  await post(app, '/changes', { data: 'for all' })
  await until(() => [next, ...readers.slice(1)].every(({ changes }) => changes.at(-1)?.data === 'for all'), 'the change')
})

t.test('As many long polls wait as the node allows; the next is told to come later', async (t) => {
  const { app, url } = await withHistory(t, { blockedReadersMax: limit })
  const poll = async (query: string): Promise<ProblemBody & { changes?: unknown[] }> => (
    await (await fetch(`${url}/changes?${query}`)).json() as ProblemBody & { changes?: unknown[] })
  const polls = Array.from({ length: more }, () => poll('since=now&block=60'))
  const refused: ProblemBody[] = []
  for (const waiting of polls) void waiting.then((body) => { if (body.code !== undefined) refused.push(body) })
  await until(() => refused.length === more - limit, 'the refusals')
  t.equal(app.feed.waiters.size, limit)
  for (const problem of refused) {
    t.match(problem, { status: 429, code: 'TOO_MANY_READERS', setting: 'CHANGEWELL_BLOCKED_READERS_MAX', limit })
  }
  t.equal((await poll('since=0&block=60')).changes?.length, 100, 'who need not wait is served')
  t.equal((await poll('since=now')).changes?.length, 0, 'who does not want to wait is served')

  await post(app, '/changes', { data: 'for all' })
  const answers = await Promise.all(polls)
  t.equal(answers.filter(({ changes }) => changes?.length === 1).length, limit)
  t.equal(app.feed.waiters.size, 0)
})

t.test('A limit of none refuses all who wait', async (t) => {
  const { url } = await withHistory(t, { streamsMax: 0, blockedReadersMax: 0 })
  t.equal((await fetch(`${url}/changes`, { headers: { accept: 'text/event-stream' } })).status, 429)
  t.equal((await fetch(`${url}/changes?since=now&block=1`)).status, 429)
  t.equal((await fetch(`${url}/changes?since=now`)).status, 200)
})

t.test('A long poll whose reader goes away makes room', async (t) => {
  const { app, url } = await withHistory(t, { blockedReadersMax: 1 })
  const going = new AbortController()
  const gone = fetch(`${url}/changes?since=now&block=60`, { signal: going.signal }).catch((error: Error) => error.name)
  await until(() => app.feed.waiters.size === 1, 'the long poll')
  going.abort()
  t.equal(await gone, 'AbortError')
  await until(() => app.feed.waiters.size === 0, 'room')
  const next = fetch(`${url}/changes?since=now&block=60`)
  await until(() => app.feed.waiters.size === 1, 'the next long poll')
  await post(app, '/changes', { data: 1 })
  t.equal((await next).status, 200)
})

/** Some changes, most of them on the disk only, so that readers from the start have to wait for it. */
async function withHistory (t: Test, overrides: Parameters<typeof listeningNode>[1]): Promise<ListeningNode> {
  const node = await listeningNode(t, { feedTailBytesMax: 64 * 1024, ...overrides })
  for (let at = 0; at < 200; at++) await post(node.app, '/changes', { data: 'x'.repeat(1000) })
  return node
}
