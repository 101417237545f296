import { test } from 'tap'
import { keysPath, startStocked, type Answer, type Client } from '../api/client.ts'

/** What docs/concepts/locks.md says of interleaved requests: what cannot happen, and what can. */

const at = (key: string) => ({ tenant: 'coke', collection: 'settings', key })
const path = (key: string) => `${keysPath}/${key}`

async function read (client: Client, key: string): Promise<{ data: number, revision: number }> {
  return (await client.get(path(key))).body as { data: number, revision: number }
}

test('Without a condition the update of another is lost; with one, it is not', async (t) => {
  const client = await startStocked(t)
  await client.put(path('count'), { data: 1 })
  const [mine, theirs] = [await read(client, 'count'), await read(client, 'count')]
  await client.put(path('count'), { data: mine.data + 1 })
  await client.put(path('count'), { data: theirs.data + 1 })
  t.equal((await read(client, 'count')).data, 2, 'two were counted, and one is lost')

  const add = async (): Promise<void> => {
    for (;;) {
      const { data, revision } = await read(client, 'count')
      const { status } = await client.put(path('count'), { data: data + 1 }, { 'if-match': `"${revision}"` })
      if (status === 200) return
      t.equal(status, 412)
    }
  }
  await Promise.all(Array.from({ length: 20 }, add))
  t.equal((await read(client, 'count')).data, 22)
})

test('Two that decide by each other\'s key break the rule, unless they compare what they decided by', async (t) => {
  const client = await startStocked(t)
  /** One of the two must stay on duty. Each sees the other there, and leaves. */
  const leave = async (other: string, compare: object[], me: string): Promise<Answer> => {
    t.equal((await read(client, other)).data, 1)
    return client.post('/transactions', { compare, then: [{ ...at(me), data: 0 }] })
  }
  const begin = async (): Promise<{ a: number, b: number }> => ({
    a: (await client.put(path('a'), { data: 1 })).body.revision as number,
    b: (await client.put(path('b'), { data: 1 })).body.revision as number,
  })
  const onDuty = async (): Promise<number> => (await read(client, 'a')).data + (await read(client, 'b')).data

  let { a, b } = await begin()
  const own = [leave('b', [{ ...at('a'), revision: a }], 'a'), leave('a', [{ ...at('b'), revision: b }], 'b')]
  t.same((await Promise.all(own)).map(({ body }) => body.succeeded), [true, true])
  t.equal(await onDuty(), 0, 'write skew: both have left')

  ;({ a, b } = await begin())
  const both = [{ ...at('a'), revision: a }, { ...at('b'), revision: b }]
  const all = await Promise.all([leave('b', both, 'a'), leave('a', both, 'b')])
  t.same(all.map(({ body }) => body.succeeded).sort(), [false, true])
  t.equal(await onDuty(), 1)
})

test('Reads of two keys are two moments; one snapshot is one', async (t) => {
  const client = await startStocked(t)
  const put = (n: number) => client.post('/changes', { changes: [{ ...at('a'), data: n }, { ...at('b'), data: n }] })
  await put(1)
  const a = await read(client, 'a')
  await put(2)
  const b = await read(client, 'b')
  t.same([a.data, b.data], [1, 2], 'a and b are always written together, and were not read so')
  const lines = (await client.app.inject('/snapshot')).body.split('\n').filter((line) => line.includes('"entry"'))
  t.same(lines.map((line) => (JSON.parse(line) as { entry: { data: number } }).entry.data), [2, 2])
})

test('A key that was made again is not what it was: its revision tells, its presence does not', async (t) => {
  const client = await startStocked(t)
  await client.put(path('k'), { data: 1 })
  const { revision } = await read(client, 'k')
  await client.delete(path('k'))
  await client.put(path('k'), { data: 1 })
  t.equal((await client.put(path('k'), { data: 2 }, { 'if-match': `"${revision}"` })).status, 412)
  t.equal((await client.put(path('k'), { data: 2 }, { 'if-match': '*' })).status, 200)
})
