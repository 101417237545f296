import { test } from 'tap'
import { invalid, keysPath, refused, startStocked } from './client.ts'

const at = (key: string) => ({ tenant: 'coke', collection: 'settings', key })

test('A transaction whose comparisons hold does what follows `then`, at once', async (t) => {
  const client = await startStocked(t)
  await client.put(`${keysPath}/a`, { data: 1 })
  const answer = await client.post('/transactions', {
    compare: [{ ...at('a'), revision: 3 }, { ...at('b'), revision: 0 }],
    then: [{ ...at('a'), data: 2 }, { ...at('b'), data: 3, tags: ['t'] }, { data: 'a record' }],
    else: [{ ...at('c'), data: 4 }],
  })
  t.equal(answer.status, 200)
  t.match(answer.body, { succeeded: true, revision: 6 })
  t.strictSame(answer.body.changes.map(({ revision }: { revision: number }) => revision), [4, 5, 6])
  t.equal((await client.get(`${keysPath}/a`)).body.data, 2)
  t.match((await client.newest(2))[0], { key: 'b', tags: ['t'], data: 3 })
  refused(t, await client.get(`${keysPath}/c`), 404, 'KEY_NOT_FOUND')
})

test('A transaction one of whose comparisons fails does what follows `else`', async (t) => {
  const client = await startStocked(t)
  await client.put(`${keysPath}/a`, { data: 1 })
  const failing = [
    { ...at('a'), revision: 0 }, { ...at('a'), revision: 2 }, { ...at('b'), revision: 3 },
    { tenant: 'pepsi', collection: 'settings', key: 'a', revision: 3 }, { tenant: 'coke', collection: 'x', key: 'a', revision: 1 },
  ]
  for (const compare of failing) {
    const revision = await client.revision()
    const answer = await client.post('/transactions', {
      compare: [{ ...at('a'), revision: 3 }, compare], then: [{ ...at('c'), data: 1 }], else: [{ data: 'else' }],
    })
    t.match(answer.body, { succeeded: false, revision: revision + 1, changes: [{ revision: revision + 1 }] })
    t.equal((await client.newest(1))[0].data, 'else')
  }
  refused(t, await client.get(`${keysPath}/c`), 404, 'KEY_NOT_FOUND')
})

test('A key that is absent has the revision 0, wherever the absence begins', async (t) => {
  const client = await startStocked(t)
  const absent = [at('a'), { tenant: 'coke', collection: 'x', key: 'a' }, { tenant: 'pepsi', collection: 'x', key: 'a' }]
  const answer = await client.post('/transactions', { compare: absent.map((place) => ({ ...place, revision: 0 })), then: [{}] })
  t.equal(answer.body.succeeded, true)
  await client.put(`${keysPath}/a`, { data: 1 })
  await client.delete(`${keysPath}/a`)
  t.equal((await client.post('/transactions', { compare: [{ ...at('a'), revision: 0 }] })).body.succeeded, true, 'deleted is absent too')
})

test('A transaction without the branch that is taken changes nothing and says where the database is', async (t) => {
  const client = await startStocked(t)
  const failed = await client.post('/transactions', { compare: [{ ...at('a'), revision: 7 }], then: [{}] })
  t.equal(failed.status, 200)
  t.strictSame(failed.body, { succeeded: false, revision: 2, changes: [] })
  const held = await client.post('/transactions', { compare: [{ ...at('a'), revision: 0 }], else: [{}] })
  t.strictSame(held.body, { succeeded: true, revision: 2, changes: [] })
})

test('A branch with something that cannot be is undone and refused as a whole', async (t) => {
  const client = await startStocked(t)
  const attempt = (change: object) => client.post('/transactions', { then: [{ ...at('a'), data: 1 }, change] })
  refused(t, await attempt({ type: 'delete', ...at('b') }), 404, 'KEY_NOT_FOUND', { key: 'b' })
  refused(t, await attempt({ tenant: 'pepsi' }), 404, 'TENANT_NOT_FOUND', { tenant: 'pepsi' })
  refused(t, await attempt({ tenant: 'coke', collection: 'x' }), 404, 'COLLECTION_NOT_FOUND', { collection: 'x', pointer: '/then/1' })
  const batch = [{ ...at('a'), data: 1 }, {}, { tenant: 'pepsi' }]
  refused(t, await client.post('/changes', { changes: batch }), 404, 'TENANT_NOT_FOUND', { pointer: '/changes/2' })
  const single = await client.post('/changes', { tenant: 'pepsi' })
  refused(t, single, 404, 'TENANT_NOT_FOUND')
  t.notOk('pointer' in single.body, 'a single change has no place')
  const otherwise = { compare: [{ ...at('a'), revision: 9 }], then: [], else: [{ tenant: 'pepsi' }] }
  refused(t, await client.post('/transactions', otherwise), 404, 'TENANT_NOT_FOUND', { pointer: '/else/0' })
  t.equal(await client.revision(), 2)
})

test('Only what is in the branch that is taken must be possible', async (t) => {
  const client = await startStocked(t)
  const answer = await client.post('/transactions', { compare: [], then: [{}], else: [{ tenant: 'pepsi' }] })
  t.equal(answer.body.succeeded, true)
})

test('What is wrong in a transaction is told with its place', async (t) => {
  const client = await startStocked(t)
  const post = (body: unknown) => client.post('/transactions', body)
  invalid(t, await post({ compare: [{ ...at('a') }] }), '/compare/0/revision', /given/)
  for (const revision of [-1, 1.5, '3', null, 1e300, 2 ** 53]) invalid(t, await post({ compare: [{ ...at('a'), revision }] }), '/compare/0/revision')
  invalid(t, await post({ compare: [{ ...at(''), revision: 1 }] }), '/compare/0/key', /empty/)
  invalid(t, await post({ compare: [{ ...at('a'), tenant: 'x'.repeat(70_000), revision: 1 }] }), '/compare/0/tenant', /512/)
  invalid(t, await post({ then: [{}, { ...at('a'), tags: ['x', ''] }] }), '/then/1/tags/1', /empty/)
  invalid(t, await post({ else: [{ tenant: 'coke', key: 'a' }] }), '/else/0/key', /collection/)
  invalid(t, await post({ then: [{ type: 'tenant-delete', tenant: 'coke' }] }), '/then/0/type')
  invalid(t, await post({ then: {} }), '/then', /array/)
  invalid(t, await post({ when: [] }), '/when', /not known/)
})
