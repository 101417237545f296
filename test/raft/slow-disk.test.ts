import { test } from 'tap'
import { startNode } from '../api/client.ts'
import { folder, until } from '../support/node.ts'
import { stallDisk } from '../support/stalled-disk.ts'

test('how long a disk may take is told in seconds, whatever the heartbeat becomes', async (t) => {
  const dataDir = folder(t)
  const first = await startNode(t, { dataDir })
  t.equal((await first.put('/cluster/settings', { heartbeatMs: 10, electionMs: 100 })).status, 200)
  await first.app.close()

  // A limit that was worked out at this start and kept would be 100 of the slower ticks.
  const client = await startNode(t, { dataDir, diskSeconds: 1 })
  t.equal((await client.put('/cluster/settings', { heartbeatMs: 500, electionMs: 1000 })).status, 200)
  const release = stallDisk(t)
  const write = client.post('/changes', { data: 'waits for the disk' }, { 'idempotency-key': 'k' })
  await until(async () => /the disk does not answer/.test((await client.get('/readyz')).text), 'it to say so')
  release()
  await until(async () => (await client.get('/readyz')).status === 200, 'it to be ready again')
  await write
})
