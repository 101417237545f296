import t from 'tap'
import { buildNode, until } from '../support/node.ts'

t.test('A history that was cut is gone for readers, though the newest changes are still in memory', async (t) => {
  const app = await buildNode(t)
  for (let n = 0; n < 30; n++) await app.inject({ method: 'POST', url: '/changes', payload: { data: n } })
  await app.inject({ method: 'PUT', url: '/cluster/settings', payload: { historyChanges: 10 } })
  await until(() => app.database.firstRevision === 21, 'the cut')
  t.match((await app.inject('/changes?since=0')).json(), { code: 'HISTORY_GONE', firstRevision: 21 })
  t.match((await app.inject('/changes/20')).json(), { code: 'HISTORY_GONE', firstRevision: 21 })
  t.match((await app.inject('/changes?since=20&limit=1')).json(), { atStart: true, changes: [{ revision: 21 }] })
})

t.test('A long poll for what is rare has not fallen behind when the history is cut meanwhile', async (t) => {
  const app = await buildNode(t)
  const write = (tags: string[]) => app.inject({ method: 'POST', url: '/changes', payload: { tags } })
  for (let n = 0; n < 5; n++) await write(['often'])
  await app.inject({ method: 'PUT', url: '/cluster/settings', payload: { historyChanges: 3 } })
  const waiting = app.inject('/changes?since=5&tag=rare&block=60')
  await until(() => app.feed.waiters.size === 1, 'the long poll to wait')
  for (let n = 0; n < 20; n++) await write(['often'])
  await until(() => app.database.firstRevision === 23, 'the cut')
  await write(['rare'])
  t.match((await waiting).json(), { changes: [{ revision: 26, tags: ['rare'] }], lastRevision: 26, atEnd: true })
})

t.test('A long poll that ends with nothing says how far it has looked', async (t) => {
  const app = await buildNode(t)
  const waiting = app.inject('/changes?since=0&tag=rare&block=5')
  await until(() => app.feed.waiters.size === 1, 'the long poll to wait')
  await app.inject({ method: 'POST', url: '/changes', payload: { tags: ['often'] } })
  t.match((await waiting).json(), { changes: [], lastRevision: 1, atEnd: true })
})

t.test('The feed of a tenant begins with the tenant, whatever became of the history', async (t) => {
  const app = await buildNode(t)
  for (let n = 0; n < 5; n++) await app.inject({ method: 'POST', url: '/changes', payload: {} })
  await app.inject({ method: 'POST', url: '/tenants', payload: { name: 'coke' } })
  for (let n = 0; n < 20; n++) await app.inject({ method: 'POST', url: '/changes', payload: { tenant: 'coke' } })
  await app.inject({ method: 'PUT', url: '/cluster/settings', payload: { historyChanges: 3 } })
  await until(() => app.database.firstRevision === 24, 'the cut')
  t.match((await app.inject('/tenants/coke/changes?since=5&limit=1')).json(), { atStart: true, changes: [{ revision: 6 }] })
  t.match((await app.inject('/tenants/coke/changes?since=6&limit=1')).json(), { atStart: false, changes: [{ revision: 7 }] })
})
