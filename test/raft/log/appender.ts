/** Appends until it is killed, several requests at a time, and prints what has become durable. Argument: the folder. */
import { Log } from '../../../plugins/raft/log/index.ts'
import { entry } from './helpers.ts'

const requestsInFlight = 8
const entriesKept = 2000

const log = await Log.open({ directory: process.argv[2] ?? '', segmentBytes: 65_536, cacheBytes: 10_000 })
let next = log.lastIndex + 1

async function appendOn (): Promise<void> {
  for (;;) {
    const count = 1 + next % 3
    const entries = Array.from({ length: count }, (_, i) => entry(next + i, 1, 20 + (next + i) % 300))
    const commit = next - 1
    next += count
    await log.append(next % 4 === 0 ? { hardState: { term: 1, vote: null, commit }, entries } : { entries })
    process.stdout.write(`${commit + count}\n`)
    if (log.lastIndex - log.firstIndex > entriesKept * 2) await log.compact(log.durableIndex - entriesKept)
  }
}

await Promise.all(Array.from({ length: requestsInFlight }, appendOn))
