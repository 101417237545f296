/**
 * Works on a disk that is soon full, or under a limit on the size of files, and prints what it sees as lines of JSON.
 * Arguments: `segments` or `write`, and the folder.
 */
import { Log, LogError } from '../../../plugins/raft/log/index.ts'
import type { LogEvent } from '../../../plugins/raft/log/index.ts'
import { entry, readAll, textOf } from './helpers.ts'

const [mode, directory = ''] = process.argv.slice(2)
const events: LogEvent['type'][] = []
const options = { directory, segmentBytes: 16_384, onEvent: ({ type }: LogEvent) => { events.push(type) } }

// Without this the system ends a process that goes over its limit; with it the write fails.
process.on('SIGXFSZ', () => {})

function tell (what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}

async function codeOf (append: Promise<void>): Promise<string> {
  return await append.then(() => 'appended', (error: unknown) => error instanceof LogError ? error.code : String(error))
}

const log = await Log.open(options)
let index = log.lastIndex
let code = 'appended'

if (mode === 'write') {
  let failure: unknown
  while (failure === undefined && index < 1000) {
    failure = await log.append({ entries: [entry(index + 1, 1, 200)] }).then(() => undefined, (error: unknown) => error)
    if (failure === undefined) index++
  }
  const later = await log.append({ entries: [] }).catch((error: unknown) => error)
  tell({ code: (failure as LogError).code, index, again: later === failure })
} else {
  // Each entry is twice as large as the one before, and soon no segment can be made that holds the next.
  while (code === 'appended' && index < 20) {
    code = await codeOf(log.append({ entries: [entry(index + 1, 1, 100 * 2 ** index)] }))
    if (code === 'appended') index++
  }
  const several = [log.append({ entries: [entry(index + 1, 1, 100 * 2 ** index)] }),
    log.append({ hardState: { term: 9, vote: null, commit: 0 }, entries: [entry(index + 2)] }),
    log.append({ entries: [entry(2, 8)] })]
  tell({ code, index, several: await Promise.all(several.map(codeOf)) })
  const whole = (await readAll(log)).map(textOf)
  tell({ last: log.lastIndex, durable: log.durableIndex, term: log.hardState.term, entries: whole.length })

  await log.compact(index)
  const on = await codeOf(log.append({ entries: [entry(index + 1)] }))
  const kept = (await readAll(log)).map(textOf)
  await log.close()
  const again = await Log.open(options)
  const same = JSON.stringify((await readAll(again)).map(textOf)) === JSON.stringify(kept)
  tell({ on, same, last: again.lastIndex, cut: events.includes('tail-cut') })
  await again.close()
}
