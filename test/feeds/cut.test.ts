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
