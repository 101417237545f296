import { test } from 'tap'
import { invalid, keysPath, refused, startStocked } from './client.ts'

const everyKind = [
  '0', '-0', '1.0', '12345678901234567890', '-98765432109876543210.5e-400', '1e400', '9007199254740993', 'true', 'false', 'null', '""',
  '"\\ud83d\\ude00 \\u0000 \\ud800 \u2028 ключ"', '[]', '{}', '[1,[2,[3]]]', '{"b":1,"a":2,"b":3}', '{"__proto__":{"x":1},"constructor":null}',
]

test('Data of every kind comes back byte for byte, from the key, the list, the change and the feed', async (t) => {
  const client = await startStocked(t)
  for (const [place, data] of everyKind.entries()) {
    const put = await client.put(`${keysPath}/k${place}`, `{"data":${data}}`)
    t.equal(put.status, 201, `put ${place}`)
    const { revision } = put.body
    t.ok((await client.get(`${keysPath}/k${place}`)).text.endsWith(`"data":${data}}`), `key ${place}`)
    t.ok((await client.get(`/changes/${revision}`)).text.endsWith(`"data":${data}}`), `change ${place}`)
    t.ok((await client.get(`/changes?since=${revision - 1}`)).text.includes(`"data":${data}}]`), `feed ${place}`)
  }
  const list = await client.get(keysPath)
  for (const [place, data] of everyKind.entries()) t.ok(list.text.includes(`"data":${data}}`), `list ${place}`)
})

test('White space between tokens is all that data loses', async (t) => {
  const client = await startStocked(t)
  const { body: { revision } } = await client.post('/changes', '{ "data" : { "a b" : [ 1 ,\n\t" x  y " ] } }')
  t.ok((await client.get(`/changes/${revision}`)).text.endsWith('"data":{"a b":[1," x  y "]}}'))
})

test('A change names a tenant, a collection and a key, or none of them', async (t) => {
  const client = await startStocked(t)
  const before = Date.now()
  const kinds = [
    { data: 1 },
    { tenant: 'coke', data: 2 },
    { tenant: 'coke', collection: 'settings', data: 3 },
    { tenant: 'coke', collection: 'settings', key: 'colour', data: 'red', tags: ['urgent', 'eu'] },
    { type: 'put', tenant: 'coke', collection: 'settings', key: 'colour' },
    { type: 'delete', tenant: 'coke', collection: 'settings', key: 'colour', tags: ['urgent'] },
    {},
  ]
  for (const [place, change] of kinds.entries()) {
    const answer = await client.post('/changes', change)
    t.equal(answer.status, 201)
    t.strictSame(Object.keys(answer.body), ['revision', 'timestamp'])
    t.equal(answer.body.revision, 3 + place)
    t.equal(answer.headers['changewell-revision'], String(3 + place))
    t.equal(new Date(answer.body.timestamp).toISOString(), answer.body.timestamp)
    t.ok(Date.parse(answer.body.timestamp) >= before && Date.parse(answer.body.timestamp) <= Date.now())
    const shown = (await client.get(`/changes/${answer.body.revision}`)).body
    t.strictSame(shown, { type: 'put', ...change, ...answer.body })
  }
})

test('A put without data gives the key the value null', async (t) => {
  const client = await startStocked(t)
  await client.post('/changes', { tenant: 'coke', collection: 'settings', key: 'empty' })
  t.equal((await client.get(`${keysPath}/empty`)).body.data, null)
})

test('A tenant is named by its id as well as by its name, and the feed tells the name', async (t) => {
  const client = await startStocked(t)
  const { body: { revision } } = await client.post('/changes', { tenant: '1', collection: 'settings', key: 'colour', data: 1 })
  t.equal((await client.get(`/changes/${revision}`)).body.tenant, 'coke')
  t.equal((await client.get(`${keysPath}/colour`)).body.revision, revision)
})

test('A tag that a change has twice is one tag', async (t) => {
  const client = await startStocked(t)
  await client.post('/changes', { tags: ['a', 'b', 'a'] })
  const { body } = await client.get('/changes?tag=a')
  t.strictSame(body.changes.map(({ tags }: { tags: string[] }) => tags), [['a', 'b']])
})

test('A batch gets consecutive revisions and one timestamp', async (t) => {
  const client = await startStocked(t)
  const changes = [{ data: 1 }, { tenant: 'coke', collection: 'settings', key: 'a', data: 2 }, { tenant: 'coke', data: 3 }]
  const answer = await client.post('/changes', { changes })
  t.equal(answer.status, 201)
  t.strictSame(Object.keys(answer.body), ['changes'])
  t.strictSame(answer.body.changes.map(({ revision }: { revision: number }) => revision), [3, 4, 5])
  t.equal(new Set(answer.body.changes.map(({ timestamp }: { timestamp: string }) => timestamp)).size, 1)
  t.strictSame((await client.newest(3)).map(({ data }) => data), [1, 2, 3])
})

test('A batch sees its own earlier changes', async (t) => {
  const client = await startStocked(t)
  const place = { tenant: 'coke', collection: 'settings', key: 'a' }
  const answer = await client.post('/changes', { changes: [{ ...place, data: 1 }, { ...place, type: 'delete' }, { ...place, data: 2 }] })
  t.equal(answer.status, 201)
  t.match((await client.get(`${keysPath}/a`)).body, { revision: 5, data: 2 })
})

test('A batch with one change that cannot be is refused as a whole', async (t) => {
  const client = await startStocked(t)
  const good = { tenant: 'coke', collection: 'settings', key: 'a', data: 1 }
  const before = await client.revision()
  refused(t, await client.post('/changes', { changes: [good, { ...good, tenant: 'pepsi' }] }), 404, 'TENANT_NOT_FOUND', { tenant: 'pepsi' })
  refused(t, await client.post('/changes', { changes: [good, { ...good, collection: 'x' }] }), 404, 'COLLECTION_NOT_FOUND', { collection: 'x' })
  refused(t, await client.post('/changes', { changes: [good, { type: 'delete', tenant: 'coke', collection: 'settings', key: 'b' }] }),
    404, 'KEY_NOT_FOUND', { key: 'b' })
  t.equal(await client.revision(), before)
  refused(t, await client.get(`${keysPath}/a`), 404, 'KEY_NOT_FOUND')
})

test('A change that names what is not there learns which of tenant, collection and key is missing', async (t) => {
  const client = await startStocked(t)
  const post = (change: object) => client.post('/changes', change)
  refused(t, await post({ tenant: 'pepsi' }), 404, 'TENANT_NOT_FOUND', { tenant: 'pepsi' })
  refused(t, await post({ tenant: '99' }), 404, 'TENANT_NOT_FOUND', { tenant: '99' })
  refused(t, await post({ tenant: 'coke', collection: 'x' }), 404, 'COLLECTION_NOT_FOUND', { tenant: 'coke', collection: 'x' })
  refused(t, await post({ tenant: '1', collection: 'x', key: 'k' }), 404, 'COLLECTION_NOT_FOUND', { tenant: 'coke', collection: 'x' })
  refused(t, await post({ type: 'delete', tenant: 'coke', collection: 'settings', key: 'k' }), 404, 'KEY_NOT_FOUND',
    { tenant: 'coke', collection: 'settings', key: 'k' })
})

test('A change that hangs in the air is refused with the place of what is wrong', async (t) => {
  const client = await startStocked(t)
  const post = (change: object) => client.post('/changes', change)
  invalid(t, await post({ collection: 'settings' }), '/collection', /needs a tenant/)
  invalid(t, await post({ tenant: 'coke', key: 'k' }), '/key', /needs a tenant and a collection/)
  invalid(t, await post({ type: 'delete', tenant: 'coke', collection: 'settings' }), '/key', /required to delete/)
  invalid(t, await post({ type: 'delete', tenant: 'coke', collection: 'settings', key: 'k', data: null }), '/data', /no place in a delete/)
  invalid(t, await post({ type: 'tenant-create', tenant: 'x' }), '/type')
  invalid(t, await post({ changes: [] }), '/changes', /empty/)
  invalid(t, await post({ changes: [{ data: 1 }], data: 1 }), '/changes', /alone/)
  invalid(t, await post({ changes: [{ data: 1 }], type: 'put' }), '/changes', /alone/)
  invalid(t, await post({ changes: [{ data: 1 }, { changes: [] }] }), '/changes/1/changes', /not known/)
  invalid(t, await post({ colour: 'red' }), '/colour', /not known/)
  t.equal(await client.revision(), 2, 'and nothing is written')
})

test('Keys and tags that could not be kept or shown are refused, and the rest is taken', async (t) => {
  const client = await startStocked(t)
  const post = (key: string, tags: string[] = []) => client.post('/changes', { tenant: 'coke', collection: 'settings', key, tags })
  for (const key of ['', '.', '..', 'a\u0000b', 'a\nb', 'a\u0085']) invalid(t, await post(key), '/key')
  for (const tag of ['', 'a\u0000', 'x\ty']) invalid(t, await post('k', ['good', tag]), '/tags/1')
  refused(t, await client.post('/changes', '{"tags":["\\ud800"]}'), 400, 'INVALID_JSON', { offset: 9 })
  const good = ['/', 'a/b', '...', ' a ', '%2e%2e', '__proto__', 'constructor', '\u202eabc', 'ключ', '😀', '\\', '?&#=', 'a+b', '"']
  for (const key of good) {
    t.equal((await post(key, [key])).status, 201, key)
    t.equal((await client.get(`${keysPath}/${encodeURIComponent(key)}`)).body.key, key)
    t.strictSame((await client.get(`/changes?tag=${encodeURIComponent(key)}`)).body.changes.map((change: any) => change.key), [key])
  }
})
