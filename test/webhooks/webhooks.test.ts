import type { ServerResponse } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'tap'
import type { Proposal } from '../../storage/types.ts'
import { keysPath, startStocked, type Answer, type Client } from '../api/client.ts'
import { bearer, files } from '../auth/files.ts'
import { until } from '../support/node.ts'
import { stallDisk } from '../support/stalled-disk.ts'
import { hang, pass, refuse, startHook, type Hook } from './hook.ts'

const set = async (client: Client, ...webhooks: object[]): Promise<Answer> => client.put('/cluster/settings', { webhooks })

test('A hook is asked what is to be changed, with its headers, and 200 lets it be made', async (t) => {
  const client = await startStocked(t)
  const hook = await startHook(t)
  t.equal((await set(client, { name: 'naming', url: hook.url, headers: { authorization: 'Bearer s3cret' } })).status, 200)
  const body = '{"data":{"n":12345678901234567890,"a":[1.50]},"tags":["red"]}'
  const { status } = await client.put(`${keysPath}/k`, body, { 'x-request-id': 'one', 'if-none-match': '*' })
  t.equal(status, 201)
  t.equal(hook.asked.length, 1)
  t.match(hook.asked[0], {
    path: '/check',
    headers: { authorization: 'Bearer s3cret', 'content-type': 'application/json' },
    body: {
      hook: 'naming',
      request: 'one',
      compare: [{ tenant: 'coke', collection: 'settings', key: 'k', revision: 0 }],
      then: [{ type: 'put', tenant: 'coke', collection: 'settings', key: 'k', tags: ['red'], data: { a: [1.5] } }],
      else: [],
    },
  })
  const metrics = await client.app.inject('/metrics')
  t.match(metrics.body, /^changewell_webhook_calls_total\{hook="naming",result="passed"\} 1$/m)
})

test('Whatever it answers but 200 refuses the change, with its reason', async (t) => {
  const client = await startStocked(t)
  const hook = await startHook(t)
  await set(client, { name: 'naming', url: hook.url })
  const put = () => client.put(`${keysPath}/k`, { data: 1 })
  const before = (await client.get('/changes')).body.lastRevision
  for (const [answer, reason] of [
    [refuse({ reason: 'colours have one word' }), 'colours have one word'],
    [refuse({ type: 'about:blank', detail: 'too long' }, 400), 'too long'],
    [refuse('no\r\nreally'), 'no really'],
    [refuse('', 404), 'it answered 404 Not Found'],
    [refuse('', 407), 'it answered 407 Proxy Authentication Required'],
    [refuse({ reason: 'made' }, 201), 'made'],
    [refuse({ reason: 'x'.repeat(20_000) }, 500), /^\{"reason":"x{400,}/],
    [refuse({ reason: 5 }, 500), '{"reason":5}'],
  ] as const) {
    hook.answer = answer
    t.match(await put(), { status: 422, body: { code: 'WRITE_REJECTED', hook: 'naming', reason } })
  }
  hook.answer = (response) => { response.writeHead(302, { location: hook.url }).end() }
  t.match(await put(), { body: { code: 'WRITE_REJECTED', reason: 'it answered 302 Found' } }, 'a redirect is not followed')
  t.equal((await client.get('/changes')).body.lastRevision, before, 'nothing was done')
  hook.answer = pass
  t.equal((await put()).status, 201)
})

test('A hook sees the tenant and the tag that it was set for, and nothing of others', async (t) => {
  const client = await startStocked(t)
  for (const name of ['pepsi', 'coke/below', 'cokes']) await client.post('/tenants', { name })
  const { id } = (await client.get('/tenants/coke')).body as { id: string }
  const hook = await startHook(t, refuse('no'))
  await set(client, { name: 'a', url: hook.url, tenant: 'coke', tag: 'red' }, { name: 'b', url: hook.url, tenant: 'coke/below' })
  const record = (tenant: string, tag: string) => ({ tenant, tags: [tag], data: tenant })
  const status = async (body: object) => (await client.post('/changes', body)).status
  t.equal(await status(record('pepsi', 'red')), 201)
  t.equal(await status(record('cokes', 'red')), 201)
  t.equal(await status(record('coke', 'blue')), 201)
  t.equal(await status({ data: 'of no tenant', tags: ['red'] }), 201)
  t.equal(hook.asked.length, 0)
  t.equal(await status(record('coke', 'red')), 422)
  t.equal(await status(record(id, 'red')), 422, 'also by its id')
  t.equal(await status(record('coke/below', 'blue')), 422)
  hook.asked.splice(0)
  t.equal(await status({ changes: [record('pepsi', 'red'), record('coke', 'red'), record('coke', 'blue')] }), 422)
  t.same(hook.asked[0]!.body.then.map(({ tenant, tags }) => ({ tenant, tags })), [{ tenant: 'coke', tags: ['red'] }])
  await set(client, { name: 'b', url: hook.url, tenant: 'coke/below' })
  t.equal((await client.delete('/tenants/coke?recursive=true')).status, 422, 'what is deleted above takes it along')
  t.equal((await client.put('/tenants/coke', { name: 'fanta' })).status, 422)
  t.equal((await client.delete('/tenants/coke/collections/settings')).status, 200)
})

test('A hook that does not answer refuses the change or lets it be made, as was set', async (t) => {
  const client = await startStocked(t)
  const hook = await startHook(t, hang)
  const closed = createServer()
  await new Promise<void>((resolve) => { closed.listen(0, '127.0.0.1', resolve) })
  const nobody = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`
  await new Promise((resolve) => { closed.close(resolve) })
  const put = () => client.put(`${keysPath}/k`, { data: 1 })
  await set(client, { name: 'slow', url: hook.url, timeoutMs: 50 })
  const refused = await put()
  t.match(refused, { status: 503, body: { code: 'HOOK_FAILED', hook: 'slow', reason: 'it did not answer within 50 ms' } })
  t.ok(refused.headers['retry-after'])
  await set(client, { name: 'nobody', url: nobody })
  t.match(await put(), { body: { code: 'HOOK_FAILED', reason: 'it cannot be asked: ECONNREFUSED' } })
  t.equal((await client.get('/changes')).body.lastRevision, 2)
  await set(client, { name: 'slow', url: hook.url, timeoutMs: 50, onFailure: 'fail-open' }, { name: 'nobody', url: nobody, onFailure: 'fail-open' })
  t.equal((await put()).status, 201)
  hook.answer = refuse('no')
  await set(client, { name: 'slow', url: hook.url, timeoutMs: 60_000, onFailure: 'fail-open' }, { name: 'nobody', url: nobody, onFailure: 'fail-open' })
  t.equal((await put()).status, 422, 'who answers no has answered')
})

test('A hook may listen on any port, also on those that browsers do not ask', async (t) => {
  const client = await startStocked(t)
  const hook = await startHook(t, refuse('no'), [6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080])
  await set(client, { name: 'naming', url: hook.url })
  t.match(await client.put(`${keysPath}/k`, { data: 1 }), { status: 422, body: { code: 'WRITE_REJECTED', reason: 'no' } })
})

test('A connection that a hook kept open for the next call and then closed fails no write', async (t) => {
  const client = await startStocked(t)
  let connections = 0
  const server = createServer((socket) => {
    connections++
    // One call each: the second is met by the end.
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
      socket.on('data', () => socket.destroy())
    })
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close() })
  await set(client, { name: 'naming', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  for (let n = 0; n < 3; n++) t.match(await client.put(`${keysPath}/k`, { data: n }), { status: /20[01]/ })
  t.equal(connections, 3)
})

test('All hooks of a write are asked at a time, each must pass it, and one that refuses is enough', async (t) => {
  const client = await startStocked(t)
  const waiting: ServerResponse[] = []
  const wait: Hook['answer'] = (response) => { waiting.push(response) }
  const [first, second] = [await startHook(t, wait), await startHook(t, wait)]
  const patient = { timeoutMs: 60_000 }
  await set(client, { name: 'first', url: first.url, ...patient }, { name: 'second', url: second.url, ...patient })
  const write = client.put(`${keysPath}/k`, { data: 1 })
  await until(() => first.asked.length === 1 && second.asked.length === 1, 'both to be asked')
  t.match((await client.get('/locks')).body, { held: 0, waiting: 0 }, 'nobody holds locks meanwhile')
  second.answer = refuse('no')
  const other = await client.put(`${keysPath}/k`, { data: 2 })
  t.match(other, { status: 422, body: { hook: 'second' } }, 'although the first has not answered')
  t.equal((await client.get('/changes')).body.lastRevision, 2)
  for (const response of waiting) pass(response)
  t.equal((await write).status, 201)
})

test('A hook that hangs holds up the writes that it wants to see, and no others', async (t) => {
  const client = await startStocked(t)
  const hook = await startHook(t, hang)
  await set(client, { name: 'slow', url: hook.url, tag: 'slow', timeoutMs: 60_000, onFailure: 'fail-open' })
  const slow = client.put(`${keysPath}/k`, { data: 'slow', tags: ['slow'] })
  await until(() => hook.asked.length === 1, 'the hook to be asked')
  const fast = await Promise.all(Array.from({ length: 50 }, (_, n) => client.put(`${keysPath}/${n % 2 === 0 ? 'k' : n}`, { data: n })))
  for (const { status } of fast) t.match(status, /20[01]/)
  t.equal((await client.delete('/tenants/coke/collections/settings?recursive=true')).status, 200)
  await client.app.close()
  t.match(await slow, { status: 503, body: { code: 'DRAINING' } }, 'a node that stops does not wait for it')
})

test('A hook is not asked about more than so many bytes at a time, but about one write, whatever its size', async (t) => {
  const client = await startStocked(t, { uncommittedBytesMax: 100_000 })
  const waiting: ServerResponse[] = []
  const hook = await startHook(t, (response) => { waiting.push(response) })
  const slow = { url: hook.url, tag: 'checked', timeoutMs: 60_000 }
  await set(client, { name: 'one', ...slow }, { name: 'two', ...slow })
  const put = (key: string, bytes: number) => client.put(`${keysPath}/${key}`, { data: 'x'.repeat(bytes), tags: ['checked'] })
  const first = put('k', 60_000)
  await until(() => waiting.length === 2, 'the hooks to be asked')
  const full = await put('l', 1000)
  t.match(full, { status: 503, body: { code: 'TOO_MUCH_UNCOMMITTED', limitBytes: 100_000 } }, 'what each hook gets counts')
  t.equal(full.headers['retry-after'], '1')
  t.equal((await client.put(`${keysPath}/l`, { data: 1 })).status, 201, 'what no hook wants to see goes on')
  for (const response of waiting) pass(response)
  t.equal((await first).status, 201)
  hook.answer = pass
  t.equal((await put('m', 1000)).status, 201, 'then there is room again')
})

test('A hook is asked no more about a write that nobody waits for', async (t) => {
  const client = await startStocked(t, { writeTimeoutSeconds: 2 })
  let isEnded = false
  const hook = await startHook(t, (response) => { response.on('close', () => { isEnded = true }) })
  await set(client, { name: 'slow', url: hook.url, timeoutMs: 60_000 })
  t.match(await client.put(`${keysPath}/k`, { data: 1 }), { status: 504, body: { code: 'WRITE_TIMEOUT' } })
  await until(async () => /^changewell_webhook_waiting 0$/m.test((await client.get('/metrics')).text), 'the asking to end')
  await until(() => isEnded, 'the call to be ended')
})

test('A hook that is set while a write waits for another is asked about it before it is made', async (t) => {
  const client = await startStocked(t)
  const waiting: ServerResponse[] = []
  const old = await startHook(t, (response) => { waiting.push(response) })
  const frozen = await startHook(t, refuse('frozen'))
  const kept = { name: 'old', url: old.url, timeoutMs: 60_000 }
  await set(client, kept)
  const first = client.put(`${keysPath}/k`, { data: 1 })
  await until(() => waiting.length === 1, 'the old hook to be asked')
  t.equal((await client.put('/cluster/settings', { electionMs: 3000 })).status, 200)
  pass(waiting[0]!)
  t.equal((await first).status, 201)
  t.equal(old.asked.length, 1, 'other settings make it no other hook')
  const second = client.put(`${keysPath}/k`, { data: 2 })
  await until(() => waiting.length === 2, 'the old hook to be asked')
  t.equal((await set(client, { name: 'freeze', url: frozen.url })).status, 200)
  pass(waiting[1]!)
  t.match(await second, { status: 422, body: { code: 'WRITE_REJECTED', hook: 'freeze' } })
})

test('A hook that is set while a write waits for its turn is asked about it, and no lock is held meanwhile', async (t) => {
  const client = await startStocked(t)
  const held: (() => void)[] = []
  // Behind the locks.
  client.app.raft.addGate({ admit: ({ pass }) => { held.push(pass) }, abandon: () => {} })
  const waiting: ServerResponse[] = []
  const hook = await startHook(t, (response) => { waiting.push(response) })
  const write = client.put(`${keysPath}/k`, { data: 1 })
  await until(() => held.length === 1, 'the write to have its locks')
  await set(client, { name: 'late', url: hook.url, timeoutMs: 60_000 })
  held[0]!()
  await until(() => waiting.length === 1, 'the hook to be asked')
  t.match((await client.get('/locks')).body, { held: 0, waiting: 0 })
  pass(waiting[0]!)
  await until(() => held.length === 2, 'the write to have its locks again')
  held[1]!()
  t.equal((await write).status, 201)
  t.equal(hook.asked.length, 1)
  t.match((await client.get('/locks')).body, { held: 0 })
})

test('A write by id is judged by the name that its tenant has when it is made', async (t) => {
  const client = await startStocked(t)
  const hook = await startHook(t, refuse({ reason: 'guarded' }))
  await set(client, { name: 'guard', url: hook.url, tenant: 'guarded', tag: 'red' })
  const { body: { id } } = await client.post('/tenants', { name: 'free' })
  const shows = (member: string, count: number) => until(async () => (await client.get('/locks')).body[member] === count, `${count} ${member}`)

  // Renamed while the write waits for its turn.
  let release = stallDisk(t)
  const rename = client.put('/tenants/free', { name: 'guarded' })
  await shows('held', 1)
  const late = client.post('/changes', { tenant: id, tags: ['red'] })
  await shows('waiting', 1)
  release()
  t.equal((await rename).status, 200)
  t.match(await late, { status: 422, body: { code: 'WRITE_REJECTED', hook: 'guard' } })

  // Made while the write is on its way: an id is the revision that makes the tenant.
  const next = String(await client.revision() + 1)
  release = stallDisk(t)
  const creation = client.post('/tenants', { name: 'guarded/x' })
  await shows('held', 1)
  const guessed = client.post('/changes', { tenant: next, tags: ['red'] })
  await shows('held', 2)
  release()
  t.match((await creation).body, { id: next })
  t.match(await guessed, { status: 409, body: { code: 'TENANT_RENAMED', tenant: next } })
  t.equal((await client.post('/changes', { tenant: next })).status, 201, 'what no hook wants to see is made')
})

test('A hook that was asked about a part of a write is asked again when more of it concerns the hook by then', async (t) => {
  const client = await startStocked(t)
  const [prod, staging] = [await client.post('/tenants', { name: 'prod' }), await client.post('/tenants', { name: 'staging' })].map(({ body }) => body.id as string)
  const waiting: ServerResponse[] = []
  const hook = await startHook(t, (response) => { waiting.push(response) })
  await set(client, { name: 'guard', url: hook.url, tenant: 'prod', tag: 'red', timeoutMs: 60_000 })
  const write = client.post('/changes', { changes: [prod, staging].map((tenant) => ({ tenant, tags: ['red'] })) })
  await until(() => waiting.length === 1, 'the hook to be asked')
  await client.put('/tenants/prod', { name: 'old' })
  await client.put('/tenants/staging', { name: 'prod' })
  pass(waiting[0]!)
  await until(() => waiting.length === 2, 'it to be asked again')
  t.same(hook.asked.map(({ body }) => body.then.map(({ tenant }) => tenant)), [[prod], [staging]])
  refuse({ reason: 'guarded' })(waiting[1]!, hook.asked[1]!)
  t.match(await write, { status: 422, body: { code: 'WRITE_REJECTED', hook: 'guard' } })
})

test('A repetition gets the outcome of the first attempt, whatever the hook says by now', async (t) => {
  const client = await startStocked(t)
  const hook = await startHook(t)
  await set(client, { name: 'naming', url: hook.url })
  const put = () => client.put(`${keysPath}/k`, { data: 1 }, { 'idempotency-key': 'once' })
  const first = await put()
  hook.answer = refuse('no')
  const again = await put()
  t.equal(again.status, 201)
  t.equal(again.body.revision, first.body.revision)
  t.equal(hook.asked.length, 1)
})

test('A key whose time is over does not take a write past the hook, and neither does the key of another write', async (t) => {
  const client = await startStocked(t, { idempotencySeconds: 1 })
  const hook = await startHook(t)
  await set(client, { name: 'naming', url: hook.url })
  const put = (data: number) => client.put(`${keysPath}/k`, { data }, { 'idempotency-key': 'once' })
  const first = await put(1)
  t.equal(first.status, 201)
  hook.answer = refuse('no')
  t.match(await put(2), { status: 422, body: { code: 'WRITE_REJECTED' } })
  await until(async () => (await put(1)).body.revision !== first.body.revision, 'the key to be forgotten')
  t.match(await put(1), { status: 422, body: { code: 'WRITE_REJECTED' } })
  t.equal((await client.get('/changes')).body.lastRevision, first.body.revision)
})

test('A queued write that a hook rejects tells so in its receipt at once, and is not made when it comes again', async (t) => {
  const client = await startStocked(t)
  const hook = await startHook(t, refuse('not today'))
  await set(client, { name: 'naming', url: hook.url, tag: 'checked' })
  const sent: Proposal[] = []
  const { raft } = client.app
  const { propose } = raft
  raft.propose = (proposal, origin) => {
    sent.push(proposal)
    return propose.call(raft, proposal, origin)
  }
  const { body: { receipt } } = await client.put(`${keysPath}/k?ack=queue`, { data: 1, tags: ['checked'] })
  const next = await client.put(`${keysPath}/l?ack=queue`, { data: 1 })
  await until(async () => (await client.get(`/receipts/${next.body.receipt}`)).body.state === 'committed', 'the one behind it')
  const fate = await client.get(`/receipts/${receipt}`)
  t.match(fate.body, { state: 'rejected', problem: { status: 422, code: 'WRITE_REJECTED', hook: 'naming', reason: 'not today' } })
  t.equal((await client.get('/queue')).body.writes, 0)
  hook.answer = pass
  t.match(await propose.call(raft, sent[0]!), { ok: false, code: 'WRITE_REJECTED' }, 'as a node sends it that died before it noted that')
  t.equal((await client.get(`${keysPath}/k`)).status, 404)
  t.strictSame((await client.get(`/receipts/${receipt}`)).body, fate.body)
  t.equal(hook.asked.length, 1, 'the hook is not asked about what has an outcome')
})

test('A queued write whose hook does not answer keeps its place, those behind it too, and it is said which hook it is', async (t) => {
  const client = await startStocked(t)
  const hook = await startHook(t, hang)
  await set(client, { name: 'slow', url: hook.url, tag: 'checked', timeoutMs: 50 })
  const first = await client.put(`${keysPath}/k?ack=queue`, { data: 1, tags: ['checked'] })
  const next = await client.put(`${keysPath}/k?ack=queue`, { data: 2 })
  const waitsFor = 'the validation hook "slow" failed: it did not answer within 50 ms'
  await until(async () => (await client.get('/queue')).body.waitsFor === waitsFor, 'the reason to be shown')
  t.equal((await client.get('/queue')).body.writes, 2)
  for (const { body: { receipt } } of [first, next]) {
    t.equal((await client.get(`/receipts/${receipt}`)).body.state, 'pending')
  }
  t.equal((await client.put(`${keysPath}/l`, { data: 1 })).status, 201, 'what is not queued goes on')
  hook.answer = pass
  await until(async () => (await client.get('/queue')).body.writes === 0, 'the queue to be sent on')
  t.equal((await client.get(`${keysPath}/k`)).body.data, 2)
})

test('A queued write waits for its hook however long that may take, and is asked about once', async (t) => {
  const client = await startStocked(t, { writeTimeoutSeconds: 2 })
  const waiting: ServerResponse[] = []
  const hook = await startHook(t, (response) => { waiting.push(response) })
  await set(client, { name: 'slow', url: hook.url, tag: 'checked', timeoutMs: 60_000 })
  const checked = { data: 1, tags: ['checked'] }
  const first = await client.put(`${keysPath}/k?ack=queue`, checked, { 'x-request-id': 'queued' })
  const next = await client.put(`${keysPath}/k?ack=queue`, { data: 2 })
  await until(() => waiting.length === 1, 'the hook to be asked')
  t.match(await client.put(`${keysPath}/l`, checked), { status: 504, body: { code: 'WRITE_TIMEOUT' } }, 'a client waits no longer')
  pass(waiting[0]!)
  await until(async () => (await client.get('/queue')).body.writes === 0, 'the queue to be sent on')
  for (const { body: { receipt } } of [first, next]) {
    t.match((await client.get(`/receipts/${receipt}`)).body, { state: 'committed' })
  }
  t.equal(hook.asked.filter(({ body }) => body.request === 'queued').length, 1)
})

test('A hook that may take longer than a client waits is named by the queue, or lets its writes pass, as was set', async (t) => {
  const client = await startStocked(t, { writeTimeoutSeconds: 2 })
  const hook = await startHook(t, hang)
  const slow = { name: 'slow', url: hook.url, timeoutMs: 2500 }
  await set(client, slow)
  await client.put(`${keysPath}/k?ack=queue`, { data: 1 })
  const waitsFor = 'the validation hook "slow" failed: it did not answer within 2500 ms'
  await until(async () => (await client.get('/queue')).body.waitsFor === waitsFor, 'the reason to be shown')
  await set(client, { ...slow, onFailure: 'fail-open' })
  await until(async () => (await client.get('/queue')).body.writes === 0, 'the queue to be sent on')
  t.equal((await client.get(`${keysPath}/k`)).status, 200)
})

test('A hook is not asked about a queued write that was made and comes again', async (t) => {
  const client = await startStocked(t)
  const hook = await startHook(t)
  await set(client, { name: 'naming', url: hook.url })
  const { raft } = client.app
  const { after: _, ...receipt } = raft.receipts.give(60_000, true)
  const write = { kind: 'write' as const, compare: [], then: [{ type: 'put' as const }], receipt }
  const first = await raft.propose(write)
  hook.answer = refuse('no')
  t.match(await raft.propose(write), { ok: true, revision: first.revision })
  t.equal(hook.asked.length, 1)
})

test('What is set is checked, and shown to those alone who look after the cluster', async (t) => {
  const policy = { identities: { ops: { admin: true }, ann: { read: ['*'], write: ['*'] } } }
  const client = await startStocked(t, files(t, { tokens: ['ops', 'ann'], policy }).config)
  const hook = { name: 'naming', url: 'https://hooks.example/check', headers: { authorization: 'Bearer s3cret' } }
  const put = async (...webhooks: object[]) => client.put('/cluster/settings', { webhooks }, bearer('ops'))
  t.match(await put(hook), { status: 200, body: { webhooks: [{ ...hook, timeoutMs: 2000, onFailure: 'fail-closed' }] } })
  t.match((await client.get('/cluster/settings', bearer('ops'))).body, { webhooks: [hook] })
  for (const path of ['/cluster/settings', '/cluster', '/snapshot', '/changes', '/metrics', '/locks']) {
    t.notMatch(JSON.stringify((await client.get(path, bearer('ann'))).body), /s3cret/, path)
  }
  for (const [wrong, field] of [
    [{ url: 'http://hooks.example/check' }, 'url'],
    [{ url: 'ftp://127.0.0.1/' }, 'url'],
    [{ url: 'nowhere' }, 'url'],
    [{ url: 'https://ann:s3cret@hooks.example' }, 'url'],
    [{ tenant: 'a//b' }, 'tenant'],
    [{ headers: { 'content-length': '5' } }, 'headers/content-length'],
    [{ headers: { 'a b': '5' } }, 'headers/a b'],
    [{ headers: { a: 's3cret\r\nhost: b' } }, 'headers/a'],
    [{ name: 'Not so' }, 'name'],
    [{ timeoutMs: 5 }, 'timeoutMs'],
    [{ onFailure: 'never' }, 'onFailure'],
  ] as const) {
    const { status, body } = await put({ ...hook, ...wrong })
    t.equal(status, 400, field)
    t.equal(body.field, `/webhooks/0/${field}`)
    t.notMatch(JSON.stringify(body), /s3cret/, 'a secret is not repeated')
  }
  t.match((await put(hook, hook)).body, { field: '/webhooks/1/name' })
  for (const url of ['http://127.0.0.1:1/', 'http://localhost:1/', 'http://[::1]:1/']) t.equal((await put({ ...hook, url })).status, 200, url)
})
