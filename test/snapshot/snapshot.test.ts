import { crc32c } from '@node-rs/crc32'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import { SlowReader } from '../feeds/slow-reader.ts'
import { buildNode, listeningNode, until } from '../support/node.ts'

const json = { 'content-type': 'application/json' }

interface Key {
  key: string
  revision: number
  data: number
}

interface Line { [kind: string]: Record<string, unknown> }

function parse (body: string): Line[] {
  return body.trimEnd().split('\n').map((line) => JSON.parse(line) as Line)
}

test('A snapshot holds the whole state at one revision, and its checksum covers it', async (t) => {
  const node = await buildNode(t)
  for (const name of ['coke', 'coke/deployments', 'pepsi']) {
    await node.inject({ method: 'POST', url: '/tenants', headers: json, payload: { name } })
  }
  const keys = '/tenants/coke%2Fdeployments/collections/c/keys'
  await node.inject({ method: 'POST', url: '/tenants/coke%2Fdeployments/collections', headers: json, payload: { name: 'c' } })
  for (const key of ['b', 'a', 'ключ']) {
    await node.inject({ method: 'PUT', url: `${keys}/${encodeURIComponent(key)}`, headers: json, payload: '{"data":12345678901234567890}' })
  }
  await node.inject({ method: 'DELETE', url: `${keys}/b` })

  const answer = await node.inject({ url: '/snapshot' })
  t.equal(answer.statusCode, 200)
  t.match(answer.headers['content-type'], 'application/x-ndjson')
  const lines = parse(answer.body)
  t.match(lines[0], { dump: { version: 1, revision: 8, clusterId: /^[0-9a-f]{16}$/ } })
  t.same(lines.slice(1, -1).map((line) => Object.keys(line)[0]), ['tenant', 'tenant', 'collection', 'entry', 'entry', 'tenant'])
  t.same(lines.filter(({ entry }) => entry !== undefined).map(({ entry }) => entry!.key), ['a', 'ключ'], 'a deleted key is not there')
  t.match(answer.body, '"data":12345678901234567890}}', 'data come back as they came')
  const covered = answer.body.slice(0, answer.body.lastIndexOf('\n', answer.body.length - 2) + 1)
  t.same(lines.at(-1), { end: { lines: 7, crc32c: crc32c(covered).toString(16).padStart(8, '0') } })

  const part = parse((await node.inject({ url: '/snapshot?tenant=coke' })).body)
  t.same(part.flatMap(({ tenant }) => tenant?.name ?? []), ['coke', 'coke/deployments'])
  t.equal((await node.inject({ url: '/snapshot?tenant=fanta' })).json().code, 'TENANT_NOT_FOUND')
})

test('A snapshot and the feed after its revision make up the database, while it is written to', async (t) => {
  const node = await buildNode(t)
  await node.inject({ method: 'POST', url: '/tenants', headers: json, payload: { name: 'coke' } })
  await node.inject({ method: 'POST', url: '/tenants/coke/collections', headers: json, payload: { name: 'c' } })
  const writing = new AbortController()
  const write = async (writer: number): Promise<void> => {
    for (let n = 0; !writing.signal.aborted; n++) {
      const url = `/tenants/coke/collections/c/keys/${writer}-${n % 40}`
      if (n % 7 === 6) await node.inject({ method: 'DELETE', url })
      else await node.inject({ method: 'PUT', url, headers: json, payload: { data: n } })
    }
  }
  const writers = [1, 2, 3].map(write)
  const snapshots = []
  for (let taken = 0; taken < 20; taken++) snapshots.push(parse((await node.inject({ url: '/snapshot' })).body))
  writing.abort()
  await Promise.all(writers)

  const { keys } = (await node.inject({ url: '/tenants/coke/collections/c/keys?limit=1000' })).json()
  const expected = new Map((keys as Key[]).map(({ key, revision, data }) => [key, [revision, data]]))
  for (const lines of snapshots) {
    const { revision } = lines[0]!.dump as { revision: number }
    const copy = new Map<string, unknown>()
    for (const { entry } of lines) if (entry !== undefined) copy.set(entry.key as string, [entry.revision, entry.data])
    for (let since = revision, atEnd = false; !atEnd;) {
      const page = (await node.inject({ url: `/changes?since=${since}&limit=1000` })).json()
      for (const change of page.changes) {
        if (change.type === 'put') copy.set(change.key, [change.revision, change.data])
        if (change.type === 'delete') copy.delete(change.key)
      }
      since = page.lastRevision
      atEnd = page.atEnd
    }
    t.strictSame(new Map([...copy].sort()), new Map([...expected].sort()), `from revision ${revision}`)
  }
})

test('More snapshots at one time than the node allows are refused', async (t) => {
  const node = await buildNode(t, { snapshotsMax: 0 })
  const answer = await node.inject({ url: '/snapshot' })
  t.equal(answer.statusCode, 429)
  t.match(answer.json(), { code: 'TOO_MANY_READERS', setting: 'CHANGEWELL_SNAPSHOTS_MAX' })
})

test('A snapshot whose reader stops is given up, and others may take theirs', async (t) => {
  const pageBytesMax = 64 * 1024 * 1024
  const { app, url } = await listeningNode(t, { snapshotsMax: 2, streamStallSeconds: 1, pageBytesMax })
  await fill(app)
  let ended = 0
  app.server.on('request', (_request, response) => response.once('close', () => ended++))
  const stopped = ['/snapshot', '/snapshot', '/changes'].map((path) => new SlowReader(t, url, path, '*/*'))
  await until(() => stopped.every(({ socket }) => socket.bytesRead > 0), 'the answers to begin')
  await until(async () => (await app.inject('/snapshot?tenant=none')).statusCode === 404, 'room for another')
  await until(() => ended === stopped.length, 'all to be given up')
  for (const reader of stopped) reader.read()
  await Promise.all(stopped.map(({ closed }) => closed))
  for (const { text } of stopped) {
    t.match(text.slice(0, 100), /^HTTP\/1\.1 200 /)
    t.notMatch(text.slice(-1000), /\n0\r\n\r\n$|"atEnd"/, 'it was cut off')
  }
})

test('A snapshot whose reader is slow comes whole', async (t) => {
  const { app, url } = await listeningNode(t, { streamStallSeconds: 3 })
  await fill(app)
  const slow = new SlowReader(t, url, '/snapshot', '*/*')
  slow.readAtMost(2 * 1024 * 1024)
  await until(() => slow.text.endsWith('\n0\r\n\r\n'), 'the end', 120)
  t.match(slow.text.slice(-1000), /\{"end":\{"lines":18,/)
})

test('A reader who is gone before its snapshot begins leaves nothing behind', async (t) => {
  const { app, url } = await listeningNode(t, { snapshotsMax: 1 })
  const { store } = app.database
  let taken = 0
  let open = 0
  const view = store.view.bind(store)
  store.view = async () => {
    const made = await view()
    taken++
    open++
    const release = made.release.bind(made)
    made.release = async () => {
      open--
      await release()
    }
    gone.socket.resetAndDestroy()
    await isGone
    return made
  }
  const isGone = new Promise<void>((resolve) => {
    app.server.once('connection', (socket) => socket.once('close', () => resolve()))
  })
  const gone = new SlowReader(t, url, '/snapshot', '*/*')
  await isGone
  await until(() => taken === 1 && open === 0, 'the view to be released')
})

/** More than the system's buffers for a connection take. */
async function fill (app: FastifyInstance): Promise<void> {
  const send = async (method: 'POST' | 'PUT', url: string, payload: object): Promise<void> => {
    const { statusCode, body } = await app.inject({ method, url, payload })
    if (statusCode !== 201) throw new Error(body)
  }
  await send('POST', '/tenants', { name: 'big' })
  await send('POST', '/tenants/big/collections', { name: 'c' })
  for (let key = 0; key < 15; key++) {
    await send('PUT', `/tenants/big/collections/c/keys/${key}`, { data: 'x'.repeat(1024 * 1024) })
  }
}
