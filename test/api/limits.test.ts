import { test } from 'tap'
import type { Config } from '../../app/config.ts'
import { settings } from '../../app/config.ts'
import { variableName } from '../../app/read-settings.ts'
import { invalid, keysPath, refused, startStocked, type Answer, type Client } from './client.ts'

interface Case {
  limits: Partial<Config>
  within: (client: Client) => Promise<Answer>
  beyond: (client: Client) => Promise<Answer>
  /** Of INVALID_FIELD; other codes have no field. */
  field?: string
  code?: string
}

const at = (key: string) => ({ tenant: 'coke', collection: 'settings', key })
const several = (count: number) => Array.from({ length: count }, () => ({}))

const cases: Case[] = [
  {
    limits: { bodyBytesMax: 1024 },
    within: (client) => client.post('/changes', { data: 'x'.repeat(1000) }),
    beyond: (client) => client.post('/changes', { data: 'x'.repeat(1024) }),
    code: 'BODY_TOO_LARGE',
  },
  {
    limits: { jsonDepthMax: 5 },
    within: (client) => client.post('/changes', `{"data":${'['.repeat(5)}${']'.repeat(5)}}`),
    beyond: (client) => client.post('/changes', `{"data":${'['.repeat(6)}${']'.repeat(6)}}`),
    code: 'INVALID_JSON',
  },
  {
    limits: { batchChangesMax: 3 },
    within: (client) => client.post('/changes', { changes: several(3) }),
    beyond: (client) => client.post('/changes', { changes: several(4) }),
    field: '/changes',
  },
  {
    limits: { batchChangesMax: 3 },
    within: (client) => client.post('/transactions', { then: several(3), else: several(3) }),
    beyond: (client) => client.post('/transactions', { then: several(3), else: several(4) }),
    field: '/else',
  },
  {
    limits: { batchChangesMax: 1 },
    within: (client) => client.post('/transactions', { compare: [{ ...at('a'), revision: 0 }] }),
    beyond: (client) => client.post('/transactions', { compare: [{ ...at('a'), revision: 0 }, { ...at('b'), revision: 0 }] }),
    field: '/compare',
  },
  {
    limits: { keyBytesMax: 4 },
    within: (client) => client.post('/changes', at('éé')),
    beyond: (client) => client.post('/changes', at('ééa')),
    field: '/key',
  },
  {
    limits: { keyBytesMax: 4 },
    within: (client) => client.put(`${keysPath}/éé`, { data: 1 }),
    beyond: (client) => client.put(`${keysPath}/ééa`, { data: 1 }),
    field: 'key',
  },
  {
    limits: { tagsMax: 2 },
    within: (client) => client.post('/changes', { tags: ['a', 'b'] }),
    beyond: (client) => client.post('/changes', { tags: ['a', 'b', 'c'] }),
    field: '/tags',
  },
  {
    limits: { tagBytesMax: 4 },
    within: (client) => client.post('/changes', { tags: ['éé'] }),
    beyond: (client) => client.post('/changes', { tags: ['a', 'ééa'] }),
    field: '/tags/1',
  },
  {
    limits: { pageChangesMax: 2 },
    within: (client) => client.get('/changes?limit=2'),
    beyond: (client) => client.get('/changes?limit=3'),
    field: 'limit',
  },
  {
    limits: { pageChangesMax: 2 },
    within: (client) => client.get(`${keysPath}?limit=2`),
    beyond: (client) => client.get(`${keysPath}?limit=3`),
    field: 'limit',
  },
  {
    limits: { blockSecondsMax: 5 },
    within: (client) => client.get('/changes?block=5'),
    beyond: (client) => client.get('/changes?block=6'),
    field: 'block',
  },
  {
    limits: { idempotencyKeyBytesMax: 4 },
    within: (client) => client.post('/changes', {}, { 'idempotency-key': 'abcd' }),
    beyond: (client) => client.post('/changes', {}, { 'idempotency-key': 'abcde' }),
    field: 'idempotency-key',
  },
  {
    limits: { blockedReadersMax: 0 },
    within: (client) => client.get('/changes?block=5'),
    beyond: (client) => client.get('/changes?since=now&block=5'),
    code: 'TOO_MANY_READERS',
  },
  {
    limits: { streamsMax: 0 },
    within: (client) => client.get('/changes'),
    beyond: (client) => client.get('/changes', { accept: 'text/event-stream' }),
    code: 'TOO_MANY_READERS',
  },
]

for (const { limits, within, beyond, field, code } of cases) {
  const [name, value] = Object.entries(limits)[0] as [keyof typeof settings, number]
  test(`${name}: what is within the limit is taken, and what is beyond is told the limit and its setting (${field ?? code})`, async (t) => {
    const client = await startStocked(t, limits)
    const taken = await within(client)
    t.ok(taken.status < 300, `within: ${taken.text.slice(0, 200)}`)
    const answer = await beyond(client)
    if (field === undefined) t.equal(answer.body.code, code)
    else invalid(t, answer, field)
    t.match(answer.body.detail, new RegExp(`\\b${value}\\b`), 'the limit')
    t.match(answer.body.detail, variableName(name), 'the setting')
  })
}

test('A page ends early when its bytes are enough, and the next one goes on', async (t) => {
  const client = await startStocked(t, { pageBytesMax: 2048 })
  for (const key of ['a', 'b', 'c', 'd']) await client.put(`${keysPath}/${key}`, { data: 'x'.repeat(1500) })
  const found: number[] = []
  let pages = 0
  for (let since = 0, atEnd = false; !atEnd; pages++) {
    const { body } = await client.get(`/changes?since=${since}`)
    found.push(...body.changes.map(({ revision }: { revision: number }) => revision))
    since = body.lastRevision
    atEnd = body.atEnd
  }
  t.strictSame(found, [1, 2, 3, 4, 5, 6])
  t.ok(pages >= 2)
  const listed: string[] = []
  for (let next: string | null = ''; next !== null;) {
    const { body }: Answer = await client.get(`${keysPath}?after=${next}`)
    listed.push(...body.keys.map(({ key }: { key: string }) => key))
    next = body.next
  }
  t.strictSame(listed, ['a', 'b', 'c', 'd'])
})

test('A request without a length is held to the limit as it comes in', async (t) => {
  const client = await startStocked(t, { bodyBytesMax: 1024 })
  refused(t, await client.post('/changes', JSON.stringify({ data: 'x'.repeat(5000) }), { 'transfer-encoding': 'chunked' }), 413, 'BODY_TOO_LARGE')
})
