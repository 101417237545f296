import { test, type Test } from 'tap'
import { keysPath, startStocked, type Client } from '../api/client.ts'
import { until } from '../support/node.ts'
import { stallDisk } from '../support/stalled-disk.ts'

interface Place {
  tenant: string
  collection?: string
  key?: string
  holders: object[]
  waiters: object[]
}

const put = (client: Client, key: string, data: unknown = 1) => client.put(`${keysPath}/${key}`, { data })

/** A node whose writes do not end until the test lets them; longer than they would wait for each other. */
async function stalled (t: Test, settings: object = {}): Promise<{ client: Client, release: () => void }> {
  const client = await startStocked(t, settings)
  return { client, release: stallDisk(t) }
}

async function held (client: Client, count: number, waiting: number): Promise<void> {
  await until(async () => {
    const { body } = await client.get('/locks')
    return body.held === count && body.waiting === waiting
  }, `${count} to hold and ${waiting} to wait`)
}

test('Who holds and who waits is shown, with what, for how long and for which request', async (t) => {
  const { client, release } = await stalled(t)
  const first = client.put(`${keysPath}/k`, { data: 1 }, { 'x-request-id': 'one' })
  await held(client, 1, 0)
  const second = client.put(`${keysPath}/k`, { data: 2 }, { 'x-request-id': 'two' })
  await held(client, 1, 1)
  const deletion = client.delete('/tenants/coke/collections/settings?recursive=true')
  await held(client, 1, 2)
  const { status, body } = await client.get('/locks')
  t.equal(status, 200)
  t.match(body, { leader: /^[0-9a-f]{16}$/, held: 1, waiting: 2, more: false })
  const places = body.places as Place[]
  const at = (collection?: string, key?: string) => (
    places.find((place) => place.collection === collection && place.key === key))
  t.match(at(), { tenant: 'coke', holders: [{ mode: 'IX' }, { mode: 'IX' }, { mode: 'IX' }], waiters: [] })
  t.match(at('settings'), { holders: [{ request: 'one', mode: 'IX' }, { request: 'two', mode: 'IX' }], waiters: [{ mode: 'X' }] })
  t.match(at('settings', 'k'), {
    holders: [{ request: 'one', mode: 'X', ageMs: Number }], waiters: [{ request: 'two', mode: 'X', ageMs: Number }],
  })
  const few = await client.get('/locks?limit=1')
  t.match(few.body, { more: true, places: [{ collection: 'settings' }] }, 'where somebody waits comes first')
  const metrics = await client.app.inject('/metrics')
  t.match(metrics.body, /^changewell_locks_held 1$/m)
  t.match(metrics.body, /^changewell_lock_waiters 2$/m)
  release()
  t.same((await Promise.all([first, second, deletion])).map((answer) => answer.status), [201, 200, 200])
  t.match((await client.get('/locks')).body, { held: 0, waiting: 0, places: [] })
  t.match((await client.app.inject('/metrics')).body, /^changewell_lock_waits_total\{result="granted"\} 2$/m)
})

test('Writes of different keys do not wait for each other: all of them are in the log together', async (t) => {
  const { client, release } = await stalled(t)
  const writes = Array.from({ length: 50 }, (_, n) => put(client, `key-${n}`))
  await held(client, 50, 0)
  release()
  for (const { status } of await Promise.all(writes)) t.equal(status, 201)
})

test('Writes of one key take effect in the order in which they came', async (t) => {
  const { client, release } = await stalled(t)
  const writes = []
  for (let n = 0; n < 20; n++) {
    writes.push(put(client, 'k', n))
    await held(client, 1, n)
  }
  release()
  const revisions = (await Promise.all(writes)).map(({ body }) => body.revision as number)
  t.same(revisions, [...revisions].sort((a, b) => a - b))
  t.match((await client.get(`${keysPath}/k`)).body, { data: 19 })
})

test('A refusal by the state gives the locks back as a success does', async (t) => {
  const client = await startStocked(t)
  t.equal((await client.put(`${keysPath}/k`, { data: 1 }, { 'if-match': '*' })).status, 412)
  t.equal((await client.put('/tenants/none/collections/none/keys/k', { data: 1 })).status, 404)
  t.equal((await put(client, 'k')).status, 201)
  t.match((await client.get('/locks')).body, { held: 0, waiting: 0, places: [] })
})

test('Two transactions that take the same keys the other way round both end', async (t) => {
  const { client, release } = await stalled(t)
  const names = ['a', 'b', 'c']
  const transaction = (keys: string[]) => client.post('/transactions', {
    compare: [{ tenant: 'coke', collection: 'settings', key: keys[0], revision: 0 }],
    then: keys.map((key) => ({ tenant: 'coke', collection: 'settings', key, data: keys })),
    else: keys.map((key) => ({ tenant: 'coke', collection: 'settings', key, data: keys })),
  })
  const all = Array.from({ length: 20 }, (_, n) => transaction(n % 2 === 0 ? names : [...names].reverse()))
  await held(client, 1, 19)
  release()
  for (const { status } of await Promise.all(all)) t.equal(status, 200)
})
