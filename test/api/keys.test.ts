import { test } from 'tap'
import { invalid, keysPath, refused, startStocked, type Answer } from './client.ts'

const keys = (answer: Answer): string[] => answer.body.keys.map(({ key }: { key: string }) => key)

test('A key is made, changed, read and deleted', async (t) => {
  const client = await startStocked(t)
  const url = `${keysPath}/colour`
  const made = await client.put(url, { data: 'red', tags: ['eu'] })
  t.equal(made.status, 201)
  t.strictSame(Object.keys(made.body), ['revision', 'timestamp'])
  t.equal(made.headers.etag, '"3"')
  const changed = await client.put(url, { data: 'blue' })
  t.equal(changed.status, 200)
  t.equal(changed.headers.etag, '"4"')
  const read = await client.get(url)
  t.equal(read.status, 200)
  t.strictSame(read.body, { key: 'colour', ...changed.body, data: 'blue' })
  t.equal(read.headers.etag, '"4"')
  const deleted = await client.delete(url)
  t.equal(deleted.status, 200)
  t.equal(deleted.body.revision, 5)
  refused(t, await client.get(url), 404, 'KEY_NOT_FOUND', { tenant: 'coke', collection: 'settings', key: 'colour' })
  refused(t, await client.delete(url), 404, 'KEY_NOT_FOUND', { key: 'colour' })
  t.strictSame((await client.newest(3)).map(({ type, tags }) => [type, tags]), [['put', ['eu']], ['put', undefined], ['delete', undefined]])
  t.equal((await client.put(url, { data: 'green' })).status, 201, 'made anew')
})

test('Whatever is done to a key says which of tenant, collection and key is missing', async (t) => {
  const client = await startStocked(t)
  const requests = [
    (path: string) => client.get(path),
    (path: string) => client.put(path, { data: 1 }),
    (path: string) => client.put(path, { data: 1 }, { 'if-match': '"7"' }),
    (path: string) => client.delete(path),
    (path: string) => client.delete(path, { 'if-match': '*' }),
    (path: string) => client.get(path.replace(/\/k$/, '')),
  ]
  for (const request of requests) {
    refused(t, await request('/tenants/pepsi/collections/settings/keys/k'), 404, 'TENANT_NOT_FOUND', { tenant: 'pepsi' })
    refused(t, await request('/tenants/1/collections/x/keys/k'), 404, 'COLLECTION_NOT_FOUND', { tenant: 'coke', collection: 'x' })
  }
})

test('A key that no path can carry is refused as a part of the path', async (t) => {
  const client = await startStocked(t)
  for (const key of ['%00', '%0A', 'a%7Fb', 'x'.repeat(1025)]) {
    invalid(t, await client.put(`${keysPath}/${key}`, { data: 1 }), 'key')
    invalid(t, await client.get(`${keysPath}/${key}`), 'key')
    invalid(t, await client.delete(`${keysPath}/${key}`), 'key')
  }
  t.equal((await client.put(`${keysPath}/${'x'.repeat(1024)}`, { data: 1 })).status, 201)
})

test('The body of a key is its data and tags, and nothing else', async (t) => {
  const client = await startStocked(t)
  const put = (body: unknown) => client.put(`${keysPath}/k`, body)
  invalid(t, await put({}), '/data', /given/)
  invalid(t, await put({ data: 1, key: 'k' }), '/key', /not known/)
  invalid(t, await put('{"data":1,"__proto__":2}'), '/__proto__', /not known/)
  invalid(t, await put({ data: 1, tags: 'red' }), '/tags', /array/)
  invalid(t, await put({ data: 1, tags: [null] }), '/tags/0', /string/)
  invalid(t, await put({ data: 1, tags: [''] }), '/tags/0', /empty/)
  invalid(t, await put([1]), 'body', /object/)
  invalid(t, await put('1'), 'body', /object/)
})

test('The revision is an entity tag that a reader need not fetch twice', async (t) => {
  const client = await startStocked(t)
  const url = `${keysPath}/k`
  await client.put(url, { data: 1 })
  for (const tag of ['"3"', 'W/"3"', '"1", "3"', '*', ' "3" ']) {
    const known = await client.get(url, { 'if-none-match': tag })
    t.equal(known.status, 304, tag)
    t.equal(known.headers.etag, '"3"')
  }
  for (const tag of ['"2"', '3', '"x"', '']) t.equal((await client.get(url, { 'if-none-match': tag })).status, 200, tag)
  await client.put(url, { data: 1 })
  t.equal((await client.get(url, { 'if-none-match': '"3"' })).status, 200, 'the same data at a new revision is new')
})

test('If-Match and If-None-Match guard a write against what others did meanwhile', async (t) => {
  const client = await startStocked(t)
  const url = `${keysPath}/k`
  const refusal = (revision: number) => ({ tenant: 'coke', collection: 'settings', key: 'k', revision })
  refused(t, await client.put(url, { data: 0 }, { 'if-match': '*' }), 412, 'PRECONDITION_FAILED', refusal(0))
  refused(t, await client.put(url, { data: 0 }, { 'if-match': '"3"' }), 412, 'PRECONDITION_FAILED', refusal(0))
  t.equal((await client.put(url, { data: 1 }, { 'if-none-match': '*' })).status, 201)
  refused(t, await client.put(url, { data: 2 }, { 'if-none-match': '*' }), 412, 'PRECONDITION_FAILED', refusal(3))
  t.equal((await client.put(url, { data: 2 }, { 'if-match': '"3"' })).body.revision, 4)
  refused(t, await client.put(url, { data: 3 }, { 'if-match': '"3"' }), 412, 'PRECONDITION_FAILED', refusal(4))
  t.equal((await client.put(url, { data: 3 }, { 'if-match': '*' })).status, 200)
  refused(t, await client.delete(url, { 'if-match': '"4"' }), 412, 'PRECONDITION_FAILED', refusal(5))
  refused(t, await client.delete(url, { 'if-none-match': '*' }), 412, 'PRECONDITION_FAILED', refusal(5))
  t.equal((await client.delete(url, { 'if-match': '"5"' })).status, 200)
  t.equal((await client.put(url, { data: 4 }, { 'if-match': '"0"' })).status, 201, 'revision 0 is a key that is absent')
  t.equal(await client.revision(), 7)
})

test('Conditions of other forms are refused rather than ignored', async (t) => {
  const client = await startStocked(t)
  const put = (headers: Record<string, string>) => client.put(`${keysPath}/k`, { data: 1 }, headers)
  for (const tag of ['3', 'W/"3"', '"3", "4"', '"x"', '"-1"', '"01"', '"12345678901234567890"', '']) invalid(t, await put({ 'if-match': tag }), 'if-match')
  for (const tag of ['"3"', '', '**']) invalid(t, await put({ 'if-none-match': tag }), 'if-none-match')
  invalid(t, await put({ 'if-match': '*', 'if-none-match': '*' }), 'if-none-match', /beside/)
  t.equal(await client.revision(), 2)
})

test('Of many writers that read the same revision one wins', async (t) => {
  const client = await startStocked(t)
  await client.put(`${keysPath}/k`, { data: 0 })
  const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => client.put(`${keysPath}/k`, { data: at }, { 'if-match': '"3"' })))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal(answers.filter(({ status }) => status === 412).length, 19)
})

test('Keys are listed in the order of their bytes, by prefix, in pages, with and without values', async (t) => {
  const client = await startStocked(t)
  const all = ['a', 'a/', 'a/1', 'a/2', 'aa', 'b', 'é', '\uffee', '😀']
  await client.post('/changes', { changes: [...all].reverse().map((key) => ({ tenant: 'coke', collection: 'settings', key, data: { key } })) })
  const list = await client.get(keysPath)
  t.equal(list.status, 200)
  t.strictSame(keys(list), all)
  t.equal(list.body.next, null)
  t.strictSame(list.body.keys[2], (await client.get(`${keysPath}/a%2F1`)).body)
  t.strictSame(Object.keys((await client.get(`${keysPath}?values=false`)).body.keys[0]), ['key', 'revision', 'timestamp'])
  t.strictSame(keys(await client.get(`${keysPath}?prefix=a/`)), ['a/', 'a/1', 'a/2'])
  t.strictSame(keys(await client.get(`${keysPath}?prefix=a%2F&after=a%2F1`)), ['a/2'])
  t.strictSame(keys(await client.get(`${keysPath}?prefix=z`)), [])
  t.strictSame(keys(await client.get(`${keysPath}?after=a/1&limit=2`)), ['a/2', 'aa'])
  for (const limit of [1, 2, all.length - 1, all.length]) {
    const paged: string[] = []
    for (let next: string | null = ''; next !== null;) {
      const page: Answer = await client.get(`${keysPath}?limit=${limit}${next === '' ? '' : `&after=${encodeURIComponent(next)}`}`)
      t.ok(page.body.keys.length <= limit)
      paged.push(...keys(page))
      next = page.body.next
    }
    t.strictSame(paged, all, `pages of ${limit}`)
  }
})

test('Deleted keys are in no list', async (t) => {
  const client = await startStocked(t)
  for (const key of ['a', 'b', 'c']) await client.put(`${keysPath}/${key}`, { data: 1 })
  for (const key of ['a', 'c']) await client.delete(`${keysPath}/${key}`)
  t.strictSame((await client.get(`${keysPath}?limit=1`)).body.keys.map(({ key }: { key: string }) => key), ['b'])
  t.strictSame(keys(await client.get(`${keysPath}?after=b`)), [])
})

test('The parameters of lists and reads are checked', async (t) => {
  const client = await startStocked(t)
  await client.put(`${keysPath}/k`, { data: 1 })
  for (const wrong of ['0', '-1', '1.5', 'x', '10001', '']) invalid(t, await client.get(`${keysPath}?limit=${wrong}`), 'limit')
  invalid(t, await client.get(`${keysPath}?values=no`), 'values', /boolean/)
  invalid(t, await client.get(`${keysPath}?prefix=a&prefix=b`), 'prefix')
  invalid(t, await client.get(`${keysPath}/k?consistency=stale`), 'consistency', /"linearizable", or "local"/)
  invalid(t, await client.get(`${keysPath}/k?since=1`), 'since', /not known/)
  for (const consistency of ['linearizable', 'local']) {
    t.equal((await client.get(`${keysPath}/k?consistency=${consistency}`)).body.data, 1)
    t.equal((await client.get(`${keysPath}?consistency=${consistency}`)).body.keys.length, 1)
  }
})

test('HEAD of a key has its entity tag and no body', async (t) => {
  const client = await startStocked(t)
  await client.put(`${keysPath}/k`, { data: 1 })
  const head = await client.head(`${keysPath}/k`)
  t.equal(head.status, 200)
  t.equal(head.headers.etag, '"3"')
  t.equal((await client.head(`${keysPath}/x`)).status, 404)
  t.equal((await client.head(`${keysPath}/k`, { 'if-none-match': '"3"' })).status, 304)
})
