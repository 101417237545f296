import t from 'tap'
import { spawnSync } from 'node:child_process'
import { Log } from '../../../plugins/raft/log/index.ts'
import { entriesOf, entry, folder, openLog, readAll, startChild, textOf } from './helpers.ts'

/** Files of at most 64 KiB. */
const limited = 'ulimit -f 128; exec "$@"'

/** A disk of 256 KiB over the folder, which only the process sees and which goes with it. */
function tinyDisk (directory: string): string {
  return `mount -t tmpfs -o size=256k none '${directory}' && exec "$@"`
}

type Test = Parameters<typeof startChild>[0]

async function fillTheDisk (t: Test, directory: string, shell: string): Promise<void> {
  const child = startChild(t, './small-disk.ts', ['segments', directory], shell)
  const line = async () => JSON.parse(await child.line())
  const { code, index, several } = await line()
  t.equal(code, 'LOG_FULL')
  t.ok(index > 5)
  t.strictSame(several, ['LOG_FULL', 'LOG_FULL', 'LOG_FULL'], 'all that waited is refused')
  t.strictSame(await line(), { last: index, durable: index, term: 0, entries: index }, 'and shows no longer')
  t.strictSame(await line(), { on: 'appended', same: true, last: index + 1, cut: false }, 'with some space it goes on')
  t.equal(await child.ended, 0)
}

t.test('a segment that is too large for the system is refused, and the log goes on', async (t) => {
  await fillTheDisk(t, folder(t), limited)
})

t.test('a full disk refuses appends that need a new segment, and the log goes on when there is space', async (t) => {
  const directory = folder(t)
  const unshare = ['unshare', '--mount', '--map-root-user']
  const allowed = spawnSync(unshare[0] ?? '', [...unshare.slice(1), 'sh', '-c', tinyDisk(directory), 'sh', 'true']).status === 0
  // Who may not mount sees the same through the limit on files.
  await fillTheDisk(t, directory,
    allowed ? `exec ${unshare.join(' ')} sh -c "${tinyDisk(directory).replaceAll(/["$]/g, '\\$&')}" sh "$@"` : limited)
})

t.test('a failed write is final, and the log opens again with all that was acknowledged', async (t) => {
  const directory = folder(t)
  const segmentBytes = 1_000_000
  const { log } = await openLog(t, directory, { segmentBytes })
  await log.append({ entries: entriesOf(1, 5, 1, 200) })
  await log.close()

  const child = startChild(t, './small-disk.ts', ['write', directory], limited)
  const { code, index, again: final } = JSON.parse(await child.line())
  t.equal(code, 'LOG_FAILED')
  t.equal(final, true, 'later appends are told the same')
  t.ok(index > 100)
  t.equal(await child.ended, 0)

  const { log: again, count } = await openLog(t, directory, { segmentBytes })
  t.ok(again.lastIndex === index)
  t.equal(count('tail-cut'), 1, 'the write went half way')
  t.strictSame((await readAll(again)).map(textOf), entriesOf(1, index, 1, 200).map(textOf))
  await again.append({ entries: [entry(index + 1)] })
})

t.test('a folder that cannot be used is an error of the system', async (t) => {
  await t.rejects(Log.open({ directory: '/dev/null/log', segmentBytes: 4096 }), { code: 'ENOTDIR' })
})
