import { test } from 'tap'
import { invalid, refused, startNode } from './client.ts'

test('A node that serves is alive, ready and up', async (t) => {
  const client = await startNode(t)
  t.strictSame((await client.get('/livez')).body, { status: 'ok' })
  t.strictSame((await client.get('/readyz')).body, { status: 'ok' })
  await client.post('/changes', {})
  const health = (await client.get('/health')).body
  t.match(health, { status: 'up', reasons: [], revision: 1, version: /^\d+\.\d+\.\d+/ })
  t.ok(Object.values(health.checks).every((check) => check === 'ok'))
})

test('A node that is drained tells load balancers so, and still serves those who come', async (t) => {
  const client = await startNode(t)
  const drained = await client.put('/health', { up: false })
  t.match(drained.body, { status: 'draining' })
  refused(t, await client.get('/readyz'), 503, 'DRAINING')
  t.equal((await client.get('/livez')).status, 200)
  t.equal((await client.post('/changes', {})).status, 201)
  t.match((await client.put('/health', { up: true })).body, { status: 'up' })
  t.equal((await client.get('/readyz')).status, 200)
})

test('Draining is asked for with up and nothing else', async (t) => {
  const client = await startNode(t)
  invalid(t, await client.put('/health', {}), '/up', /given/)
  invalid(t, await client.put('/health', { up: 'false' }), '/up', /boolean/)
  invalid(t, await client.put('/health', { up: false, down: true }), '/down', /not known/)
})

test('Metrics are in the text format of Prometheus', async (t) => {
  const client = await startNode(t)
  await client.post('/changes', {})
  const { headers, text } = await client.get('/metrics')
  t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/)
  for (const line of text.trimEnd().split('\n')) t.match(line, /^$|^# (HELP|TYPE) |^[a-z_:][a-z0-9_:]*(\{.*\})? \S+$/i)
  t.match(text, /^changewell_/m)
})
