import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { folder, startProcess, until } from '../support/node.ts'

/** Three rounds are more than the database may leave in the log, one alone is less. */
const flushLogBytes = 1024 * 1024
const roundBytes = 400 * 1024

t.test('A node that is always killed before it has written enough to flush cuts its log all the same', async (t) => {
  const CHANGEWELL_DATA_DIR = folder(t)
  const environment = {
    CHANGEWELL_DATA_DIR, CHANGEWELL_LOG_SEGMENT_BYTES: '65536', CHANGEWELL_FLUSH_LOG_BYTES: String(flushLogBytes),
  }
  const first = (): string | undefined => readdirSync(join(CHANGEWELL_DATA_DIR, 'log')).sort()[0]
  for (let round = 0; round < 3; round++) {
    const node = await startProcess(t, environment)
    await write(node.url)
    await node.kill('SIGKILL')
    // With the third round there is enough to flush, and it may just have been done.
    if (round < 2) t.match(first(), /^0{15}1-/, 'nothing was cut yet')
  }
  const { url } = await startProcess(t, environment)
  await until(() => !/^0{15}1-/.test(first() ?? ''), 'the first segment to go, though nothing more is written')
  const { lastRevision } = await (await fetch(`${url}/changes?since=now`)).json() as { lastRevision: number }
  t.equal(lastRevision, 3 * roundBytes / 4096)
})

async function write (url: string): Promise<void> {
  const changes = Array.from({ length: roundBytes / 4096 }, () => ({ data: 'x'.repeat(4096) }))
  const response = await fetch(`${url}/changes`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ changes }),
  })
  if (response.status !== 201) throw new Error(await response.text())
}
