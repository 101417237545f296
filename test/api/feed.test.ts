import { test, type Test } from 'tap'
import { listeningNode, until } from '../support/node.ts'
import { Client, invalid, refused, startNode, startStocked, type Answer } from './client.ts'

function revisions (answer: Answer): number[] {
  return answer.body.changes.map(({ revision }: { revision: number }) => revision)
}

/** Revisions 1 and 2 make a tenant and its collection; 3 to 12 write a key each, `k3` to `k12`. */
async function startFilled (t: Test): Promise<Client> {
  const client = await startStocked(t)
  const changes = Array.from({ length: 10 }, (_, at) => ({ tenant: 'coke', collection: 'settings', key: `k${at + 3}`, data: at }))
  await client.post('/changes', { changes })
  return client
}

test('An empty database has an empty feed that is at its start and its end', async (t) => {
  const client = await startNode(t)
  const answer = await client.get('/changes')
  t.equal(answer.status, 200)
  t.strictSame(answer.body, { changes: [], lastRevision: 0, atStart: true, atEnd: true })
})

test('A page has at most 100 changes unless a limit says otherwise, and tells where it stands', async (t) => {
  const client = await startFilled(t)
  await client.post('/changes', { changes: Array.from({ length: 100 }, () => ({})) })
  const first = await client.get('/changes')
  t.equal(first.body.changes.length, 100)
  t.match(first.body, { lastRevision: 100, atStart: true, atEnd: false })
  const middle = await client.get('/changes?since=100&limit=5')
  t.strictSame(revisions(middle), [101, 102, 103, 104, 105])
  t.match(middle.body, { lastRevision: 105, atStart: false, atEnd: false })
  t.match((await client.get('/changes?since=105')).body, { lastRevision: 112, atStart: false, atEnd: true })
})

test('Following the links with rel=next reads every change once, with any filter', async (t) => {
  const client = await startFilled(t)
  for (const query of ['limit=1', 'limit=3', 'limit=3&tenant=coke&descendants=true', 'tag=x&tag=y&limit=2', 'tenant=coke&collection=settings&key=k7&limit=1']) {
    const found: number[] = []
    let url = `/changes?${query}`
    for (let atEnd = false; !atEnd;) {
      const answer = await client.get(url)
      t.equal(answer.status, 200)
      found.push(...revisions(answer))
      atEnd = answer.body.atEnd
      url = /^<(\/changes\?[^>]+)>; rel="next"$/.exec(String(answer.headers.link))![1]!
    }
    const whole = revisions(await client.get(`/changes?${query.replace(/limit=\d+/, 'limit=1000')}`))
    t.strictSame(found, whole, query)
    t.strictSame((await client.get(url)).body.changes, [], 'the last link waits for what is to come')
  }
})

test('A tenant\'s own feed is paged in the same way', async (t) => {
  const client = await startFilled(t)
  const found: number[] = []
  let url = '/tenants/coke/changes?limit=5'
  for (let atEnd = false; !atEnd;) {
    const answer = await client.get(url)
    found.push(...revisions(answer))
    atEnd = answer.body.atEnd
    url = /<([^>]+)>/.exec(String(answer.headers.link))![1]!
  }
  t.strictSame(found, Array.from({ length: 12 }, (_, at) => at + 1))
})

test('since=now begins behind the newest change', async (t) => {
  const client = await startFilled(t)
  t.match((await client.get('/changes?since=now')).body, { changes: [], lastRevision: 12, atStart: false, atEnd: true })
})

test('A reader that is ahead of the database is told so, and not left waiting', async (t) => {
  const client = await startFilled(t)
  refused(t, await client.get('/changes?since=13&block=10'), 409, 'REVISION_AHEAD', { since: 13, revision: 12 })
  refused(t, await client.get('/changes', { 'last-event-id': '9007199254740991' }), 409, 'REVISION_AHEAD')
})

test('Last-Event-ID wins over since', async (t) => {
  const client = await startFilled(t)
  t.strictSame(revisions(await client.get('/changes?since=2', { 'last-event-id': '10' })), [11, 12])
  invalid(t, await client.get('/changes', { 'last-event-id': 'x' }), 'last-event-id', /revision/)
})

test('Filters choose by tenant, its subtree, collection, key and any of several tags', async (t) => {
  const client = await startStocked(t)
  await client.post('/tenants', { name: 'coke/eu' })
  await client.post('/tenants', { name: 'pepsi' })
  await client.post('/tenants/coke%2Feu/collections', { name: 'settings' })
  await client.post('/changes', {
    changes: [
      { tags: ['red'] },
      { tenant: 'coke', tags: ['blue'] },
      { tenant: 'coke', collection: 'settings', key: 'a' },
      { tenant: 'coke/eu', collection: 'settings', key: 'a', tags: ['red', 'blue'] },
      { tenant: 'pepsi' },
    ]
  })
  const read = async (query: string) => revisions(await client.get(`/changes?${query}`))
  t.strictSame(await read('tenant=coke'), [1, 2, 7, 8])
  t.strictSame(await read('tenant=1'), [1, 2, 7, 8])
  t.strictSame(await read('tenant=coke&descendants=true'), [1, 2, 3, 5, 7, 8, 9])
  t.strictSame(await read('tenant=coke%2Feu'), [3, 5, 9])
  t.strictSame(await read('tenant=coke&collection=settings&key=a'), [1, 2, 8])
  t.strictSame(await read('tag=red'), [6, 9])
  t.strictSame(await read('tag=red&tag=blue'), [6, 7, 9])
  t.strictSame(await read('tag=blue&tenant=coke'), [7])
  t.strictSame(await read('tag=green'), [])
  refused(t, await client.get('/changes?tenant=x'), 404, 'TENANT_NOT_FOUND', { tenant: 'x' })
  refused(t, await client.get('/changes?tenant=coke&collection=x'), 404, 'COLLECTION_NOT_FOUND', { collection: 'x' })
  invalid(t, await client.get('/changes?collection=settings'), 'collection', /tenant/)
  invalid(t, await client.get('/changes?tenant=coke&key=a'), 'key', /collection/)
  invalid(t, await client.get('/changes?descendants=true'), 'descendants', /tenant/)
  invalid(t, await client.get('/changes?tenant=coke&descendants=yes'), 'descendants', /boolean/)
})

test('distinct=key leaves the newest change of each key on the page', async (t) => {
  const client = await startStocked(t)
  const put = (key: string) => ({ tenant: 'coke', collection: 'settings', key })
  await client.post('/changes', { changes: [put('a'), put('b'), put('a'), {}, put('b'), put('a')] })
  t.strictSame(revisions(await client.get('/changes?since=2&distinct=key')), [6, 7, 8])
  invalid(t, await client.get('/changes?distinct=tenant'), 'distinct', /"key"/)
})

test('A tenant\'s feed holds the newest change of each key only, deletions included', async (t) => {
  const client = await startStocked(t)
  const put = (key: string, data: unknown) => ({ tenant: 'coke', collection: 'settings', key, data })
  await client.post('/changes', { changes: [put('a', 1), put('b', 1), put('a', 2), { type: 'delete', tenant: 'coke', collection: 'settings', key: 'b' }] })
  const answer = await client.get('/tenants/coke/changes')
  t.strictSame(revisions(answer), [1, 2, 5, 6])
  t.strictSame(answer.body.changes.map(({ type }: { type: string }) => type), ['tenant-create', 'collection-create', 'put', 'delete'])
  refused(t, await client.get('/tenants/pepsi/changes'), 404, 'TENANT_NOT_FOUND', { tenant: 'pepsi' })
})

test('A single change is read by its revision', async (t) => {
  const client = await startFilled(t)
  t.match((await client.get('/changes/7')).body, { revision: 7, type: 'put', key: 'k7', data: 4 })
  refused(t, await client.get('/changes/13'), 404, 'REVISION_NOT_FOUND', { revision: 13, lastRevision: 12 })
  for (const wrong of ['0', '-1', '1.5', 'x', '01', '1e3', '9007199254740993', '%20 7']) invalid(t, await client.get(`/changes/${wrong}`), 'revision')
})

test('Numbers of a query are whole decimal numbers within their limits', async (t) => {
  const client = await startFilled(t)
  for (const wrong of ['-1', '0', '1.5', '1e2', '0x10', '%201', '', 'ten', '99999999999999999999', '10001', '1&limit=2']) {
    invalid(t, await client.get(`/changes?limit=${wrong}`), 'limit')
    invalid(t, await client.get(`/tenants/coke/changes?limit=${wrong}`), 'limit')
  }
  for (const wrong of ['-1', '1.5', '1e2', '', 'later', '99999999999999999999', '1&since=2', '01']) {
    invalid(t, await client.get(`/changes?since=${wrong}`), 'since')
  }
  for (const wrong of ['-1', '0.5', '1e0', '', '301', '99999999999999999999', '1&block=2']) {
    invalid(t, await client.get(`/changes?since=now&block=${wrong}`), 'block')
  }
  invalid(t, await client.get('/changes?limitt=1'), 'limitt', /not known/)
})

test('A long poll is answered by the first change that it waits for, and by no other', async (t) => {
  const client = await startFilled(t)
  for (const [query, headers] of [
    ['block=30', {}], ['', { prefer: 'respond-async, wait=30' }], ['', { prefer: 'wait=999999999999' }],
  ] as const) {
    const before = await client.revision()
    const poll = client.get(`/changes?since=now&tag=mine&${query}`, headers)
    await until(() => client.app.feed.waiters.size === 1, 'the long poll to wait')
    await client.post('/changes', { tags: ['other'] })
    t.equal(client.app.feed.waiters.size, 1, 'still waiting')
    await client.post('/changes', { tags: ['mine'] })
    t.strictSame(revisions(await poll), [before + 2])
  }
})

test('A long poll that ends without a change says how far it has looked', async (t) => {
  const client = await startFilled(t)
  const answer = await client.get('/changes?since=now&block=1')
  t.equal(answer.status, 200)
  t.match(answer.body, { changes: [], lastRevision: 12, atEnd: true })
})

test('A long poll is not held back when there is something already', async (t) => {
  const client = await startFilled(t)
  t.equal((await client.get('/changes?since=11&block=300')).body.changes.length, 1)
})

test('The Accept header chooses between a page and a stream', async (t) => {
  const client = await startFilled(t)
  for (const accept of ['application/json', '*/*', 'application/*', 'text/html, */*;q=0.1', 'text/event-stream;q=0, application/json', '', ',']) {
    const { headers } = await client.get('/changes', { accept })
    t.match(headers['content-type'], /^application\/json/, accept)
    t.match(headers.vary, /accept/i)
  }
  for (const accept of ['text/xml', 'image/*', 'application/json;q=0', 'constructor', '__proto__', 'application/json;q=0, text/event-stream;q=0, application/x-ndjson;q=0, */*', 'application/json;q=x']) {
    refused(t, await client.get('/changes', { accept }), 406, 'NOT_ACCEPTABLE', { accept })
  }
})

test('A range of media types gives what is not excluded by its own name', async (t) => {
  const client = await startFilled(t)
  const chosen = async (accept: string) => String((await client.head('/changes', { accept })).headers['content-type']).split(';')[0]
  t.equal(await chosen('application/json;q=0, */*;q=0.1'), 'text/event-stream')
  t.equal(await chosen('*/*, application/json;q=0, text/*;q=0'), 'application/x-ndjson')
  t.equal(await chosen('application/*, application/x-ndjson;q=0.5'), 'application/json')
  t.equal(await chosen('application/json;q=0.5, application/x-ndjson'), 'application/x-ndjson')
  t.equal(await chosen('application/x-ndjson, application/json'), 'application/x-ndjson', 'of equals the first')
})

test('A key to filter by is not empty, and whole numbers are written as such', async (t) => {
  const client = await startFilled(t)
  invalid(t, await client.get('/changes?tenant=coke&collection=settings&key='), 'key')
  invalid(t, await client.get('/changes?limit=5.0'), 'limit')
  invalid(t, await client.get('/changes/1.0'), 'revision')
})

test('What tells of the process waits for no revision', async (t) => {
  const client = await startNode(t, { leaderWaitSeconds: 3600 })
  for (const path of ['/livez', '/readyz', '/health', '/metrics']) {
    t.equal((await client.get(path, { 'changewell-min-revision': '999999' })).status, 200, path)
  }
})

test('Streams carry the same changes as the pages', async (t) => {
  const { app, url } = await listeningNode(t)
  const client = new Client(app)
  await client.post('/changes', { changes: [{ data: 1 }, { tags: ['a'] }, { data: { ключ: '12345678901234567890' } }] })
  const { changes } = (await client.get('/changes')).body
  const stream = async (accept: string) => {
    const response = await fetch(`${url}/changes`, { headers: { accept } })
    t.equal(response.headers.get('content-type'), `${accept}; charset=utf-8`)
    t.equal(response.headers.get('changewell-revision'), '3')
    let text = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk
      if (text.includes('"revision":3') && text.endsWith('\n')) break
    }
    return text
  }
  const events = await stream('text/event-stream')
  const pieces = [...events.matchAll(/^id: (\d+)\ndata: (.*)\n\n/gm)]
  t.strictSame(pieces.map(([, id, data]) => ({ id, ...JSON.parse(data!) })),
    changes.map((change: any) => ({ id: String(change.revision), ...change })))
  const lines = await stream('application/x-ndjson')
  t.strictSame(lines.trimEnd().split('\n').map((line) => JSON.parse(line)), changes)
})

test('HEAD answers as GET does, without the body and without waiting', async (t) => {
  const client = await startFilled(t)
  const get = await client.get('/changes?limit=3')
  const head = await client.head('/changes?limit=3')
  t.equal(head.status, 200)
  t.equal(head.headers.link, get.headers.link)
  t.equal((await client.head('/changes', { accept: 'application/x-ndjson' })).status, 200)
  t.equal((await client.head('/changes?limit=x')).status, 400)
  t.equal(client.app.feed.streams, 0)
})
