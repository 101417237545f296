import { test } from 'tap'
import { until } from '../support/node.ts'
import { invalid, refused, startNode } from './client.ts'

test('The cluster of one node is led by it', async (t) => {
  const client = await startNode(t)
  const { status, body } = await client.get('/cluster')
  t.equal(status, 200)
  t.match(body, { id: /^[0-9a-f]{16}$/, clusterId: /^[0-9a-f]{16}$/, leader: body.id, term: 2, revision: 0 })
  t.match(body.members, [{ id: body.id, role: 'voter' }])
  await client.post('/changes', {})
  t.equal((await client.get('/cluster')).body.revision, 1)
})

test('The settings of the cluster begin with their defaults, are changed one by one, and are no changes themselves', async (t) => {
  const client = await startNode(t)
  t.strictSame((await client.get('/cluster/settings')).body, { historyChanges: null, heartbeatMs: 100, electionMs: 1000, webhooks: [] })
  const changed = await client.put('/cluster/settings', { historyChanges: 5 })
  t.equal(changed.status, 200)
  t.strictSame(changed.body, { historyChanges: 5, heartbeatMs: 100, electionMs: 1000, webhooks: [] })
  t.strictSame((await client.put('/cluster/settings', {})).body, changed.body, 'what is not named stays')
  t.strictSame((await client.get('/cluster/settings')).body, changed.body)
  t.equal(await client.revision(), 0)
  for (const wrong of [0, -1, 1.5, '5', 1e300, true]) invalid(t, await client.put('/cluster/settings', { historyChanges: wrong }), '/historyChanges')
  invalid(t, await client.put('/cluster/settings', { history: 5 }), '/history', /not known/)
})

test('Settings that are changed at the same time are all changed', async (t) => {
  const client = await startNode(t)
  await Promise.all([
    client.put('/cluster/settings', { historyChanges: 5 }), client.put('/cluster/settings', { heartbeatMs: 50 }),
    client.put('/cluster/settings', { electionMs: 2000 }),
  ])
  t.strictSame((await client.get('/cluster/settings')).body, { historyChanges: 5, heartbeatMs: 50, electionMs: 2000, webhooks: [] })
  invalid(t, await client.put('/cluster/settings', { electionMs: 99 }), 'electionMs', /twice heartbeatMs/)
  invalid(t, await client.put('/cluster/settings', { electionMs: 3000 }, { 'if-match': '"1"' }), 'if-match')
})

test('History beyond what the settings keep is gone, and said to be: never a silent gap', async (t) => {
  // What is still in memory is served, whatever the disk no longer has.
  const client = await startNode(t, { feedTailBytesMax: 1 })
  await client.post('/tenants', { name: 'coke' })
  await client.post('/tenants/coke/collections', { name: 'settings' })
  const keys = '/tenants/coke/collections/settings/keys'
  for (const key of ['a', 'b', 'c', 'd']) await client.put(`${keys}/${key}`, { data: key })
  await client.put('/cluster/settings', { historyChanges: 2 })
  await until(async () => (await client.get('/changes/4')).status === 410, 'the history to be cut')
  const gone = await client.get('/changes?since=1')
  refused(t, gone, 410, 'HISTORY_GONE', { firstRevision: 5 })
  t.equal(gone.headers.link, '</snapshot>; rel="alternate"')
  for (const accept of ['text/event-stream', 'application/x-ndjson']) refused(t, await client.get('/changes', { accept }), 410, 'HISTORY_GONE')
  refused(t, await client.get('/changes?since=3'), 410, 'HISTORY_GONE')
  const kept = await client.get('/changes?since=4')
  t.match(kept.body, { changes: [{ revision: 5 }, { revision: 6 }], atStart: true, atEnd: true })
  t.equal((await client.get(`${keys}/a`)).body.data, 'a', 'values stay')
  t.equal((await client.get('/tenants/coke/changes')).body.changes.length, 6, 'the tenant\'s feed stays')
})
