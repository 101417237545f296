import t from 'tap'
import { Log } from '../../../plugins/raft/log/index.ts'
import { entry, folder, readAll, startChild, textOf } from './helpers.ts'

t.test('a process that is killed at any moment leaves every entry that it acknowledged', async (t) => {
  const directory = folder(t)
  let durable = 0
  for (const lines of [1, 3, 100, 600, 1500, 4000]) {
    const child = startChild(t, './appender.ts', [directory])
    for (let i = 0; i < lines; i++) durable = Number(await child.line())
    child.process.kill('SIGKILL')
    await child.ended
    // What it wrote before it was killed may still be in the pipe.
    for (;;) {
      const line = await child.line().catch(() => undefined)
      if (line === undefined) break
      durable = Math.max(durable, Number(line))
    }

    const log = await Log.open({ directory, segmentBytes: 65_536 })
    t.ok(log.lastIndex >= durable, `${durable} acknowledged, ${log.lastIndex} there`)
    const found = (await readAll(log, 100_000)).map(textOf)
    const expected = found.map((_, i) => {
      const index = log.firstIndex + i
      return textOf(entry(index, 1, 20 + index % 300))
    })
    t.same(found, expected)
    t.ok(log.hardState.commit >= log.compacted.index && log.hardState.commit <= log.lastIndex)
    await log.close()
  }
  t.ok(durable > 6000)
})
