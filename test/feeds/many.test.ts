import http from 'node:http'
import t from 'tap'
import { startProcess, until } from '../support/node.ts'
import type { HistoryChange } from '../support/replay.ts'
import { StreamReader } from './stream-reader.ts'

// About 4,100 files open in each of the two processes. Node raises its own limit as far as the system lets it:
// `ulimit -Hn` must say 8192 or so.
const polls = 2000
const streams = 2000
/** Some long polls wait for what never comes. */
const uninterested = 20
/** Connections that are made at one time: the system keeps few in line. */
const together = 100

/** One write matches them all. */
const queries = ['', 'tag=red', 'tag=blue&tag=red', 'tenant=a', 'tenant=a&collection=c', 'tenant=a&collection=c&key=k']

t.test(`One write wakes ${polls} long polls and ${streams} streams, each of which gets it once`, async (t) => {
  const { url } = await startProcess(t, { CHANGEWELL_STREAM_HEARTBEAT_SECONDS: '3600' })
  await post(url, '/tenants', { name: 'a' })
  await post(url, '/tenants/a/collections', { name: 'c' })
  const since = 2

  const answers: Array<Promise<Page>> = []
  const readers: StreamReader[] = []
  for (let at = 0; at < polls + streams; at += together) {
    const places = Array.from({ length: together }, (_, place) => at + place)
    if (at < polls) answers.push(...places.map((place) => get(`${url}/changes?since=${since}&block=300&${queryOf(place)}`)))
    else {
      readers.push(...await Promise.all(places.map((place) => StreamReader.open(t, `${url}/changes?${queryOf(place)}`, {
        framing: place % 2 === 0 ? 'sse' : 'ndjson', since
      }))))
    }
    const waiting = Math.min(at + together, polls)
    await until(async () => await metric(url, 'changewell_feed_blocked_readers') === waiting, 'the long polls')
  }
  const others = Array.from({ length: uninterested }, () => get(`${url}/changes?since=${since}&block=300&tag=other`))
  await until(async () => await metric(url, 'changewell_feed_blocked_readers') === polls + uninterested, 'the others')
  t.equal(await metric(url, 'changewell_feed_streams'), streams)

  const change = { tenant: 'a', collection: 'c', key: 'k', data: 'for all', tags: ['red'] }
  await post(url, '/changes', change)
  const pages = await Promise.all(answers)
  t.equal(pages.length, polls)
  t.ok(pages.every(({ changes, lastRevision }) => lastRevision === 3 && isOnly(changes, change)), 'every long poll has it')
  await until(() => readers.every(({ changes }) => changes.length > 0), 'every stream to have it')
  t.equal(await metric(url, 'changewell_feed_blocked_readers'), uninterested)

  await post(url, '/changes', { changes: [change, change, { ...change, tags: ['other'] }, change] })
  await until(() => readers.every(({ lastEventId }) => lastEventId === '7'), 'every stream to go on')
  const wrong = readers.filter((reader, at) => {
    const wanted = queryOf(polls + at).includes('tag') ? '3,4,5,7' : '3,4,5,6,7'
    return reader.revisions.join() !== wanted
  })
  t.same(wrong.map(({ revisions }) => revisions), [], 'every stream has each of its changes once, in order')
  const last = await Promise.all(others)
  t.ok(last.every(({ changes }) => changes.length === 1 && changes[0]!.revision === 6))
})

interface Page {
  changes: HistoryChange[]
  lastRevision: number
}

function isOnly (changes: HistoryChange[], expected: object): boolean {
  const [{ timestamp, ...change } = { timestamp: '' }, ...others] = changes
  const wanted = { revision: 3, type: 'put', ...expected }
  return others.length === 0 && Date.parse(timestamp) > 0 &&
    JSON.stringify(Object.entries(change).sort()) === JSON.stringify(Object.entries(wanted).sort())
}

function queryOf (place: number): string {
  return queries[place % queries.length]!
}

/** A connection for each request. */
function get (url: string): Promise<Page> {
  return new Promise((resolve, reject) => {
    http.get(url, { agent: false }, async (response) => {
      const parts: Buffer[] = []
      for await (const part of response) parts.push(part as Buffer)
      resolve(JSON.parse(Buffer.concat(parts).toString()) as Page)
    }).on('error', reject)
  })
}

async function post (url: string, path: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  if (response.status !== 201) throw new Error(await response.text())
}

async function metric (url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name} ([0-9]+)$`, 'm').exec(text)?.[1])
}
