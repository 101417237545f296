import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { builtFolder } from '../build.ts'
import { endChildren, runWithChildren, startNode } from '../children.ts'
import { startBuiltNode } from '../contenders/changewell.ts'
import { readDebianPackages } from './debian.ts'
import type { FollowerMessage, FollowerReport } from './follower.ts'
import { loadRecords } from './loader.ts'
import { readNpmPackages } from './npm.ts'
import { Progress } from './progress.ts'
import type { Source } from './record.ts'

const help = `Usage: npm run demo -- [--limit N] [--dist FOLDER]

Loads this machine's package index into a node of its own, while a second process follows the feed and keeps a copy;
then compares the two.
  --limit N       only the first N records
  --dist FOLDER   run this build instead of building now
`

const { values } = parseArgs({
  options: { limit: { type: 'string' }, dist: { type: 'string' }, help: { type: 'boolean', default: false } },
})
const limit = values.limit === undefined ? Infinity : Number(values.limit)
if (values.help || !(limit >= 1)) {
  process.stderr.write(help)
  process.exit(values.help ? 0 : 2)
}

await runWithChildren(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'changewell-demo-'))
  try {
    return await demo(builtFolder(values.dist), folder)
  } finally {
    await endChildren()
    await rm(folder, { recursive: true, force: true })
  }
})

/** @returns the exit code: 0 when the copy is the same, 1 when it is not */
async function demo (dist: string, folder: string): Promise<number> {
  const source = await readDebianPackages(limit) ?? await readNpmPackages(limit)
  say('source', `${count(source.records.length)} records of ${source.name}, ${count(nonAscii(source))} with text beyond ASCII`)
  const { port } = await startBuiltNode({ dist, dataDir: join(folder, 'data') })
  say('node', `http://127.0.0.1:${port}, its data in ${folder} until the end`)

  const follower = startNode([fileURLToPath(new URL('./follower.ts', import.meta.url))])
  const tell = (message: FollowerMessage) => follower.send(message)
  const reported = Promise.race([
    once(follower, 'message') as Promise<[FollowerReport]>,
    once(follower, 'exit').then(() => { throw new Error('the follower ended before it could report') }),
  ])
  tell({ kind: 'follow', port, tenant: source.tenant, cutAt: Math.ceil(source.records.length / 2) })

  const progress = new Progress(source.records.length)
  const { acknowledgements, seconds, repeatedBatchWasRecognised } = await Promise.race([
    loadRecords(port, source, (done) => progress.update(done)),
    reported.then(() => { throw new Error('the follower was done before the loader') }),
  ])
  tell({ kind: 'finish', acknowledgements })
  const [report] = await reported

  const names = new Set(source.records.map(({ collection, key }) => `${collection} ${key}`))
  say('loaded', `${count(source.records.length)} records in ${seconds.toFixed(1)} s: ${count(source.records.length / seconds)} changes/s; ` +
    `${count(source.records.length - names.size)} were another version of a key already put`)
  say('retry', repeatedBatchWasRecognised ? 'a batch sent twice under one Idempotency-Key was written once' : 'a batch sent twice WAS WRITTEN TWICE')
  say('feed', `${count(report.changes)} changes in order over ${report.connections} connections (one cut on purpose): none missed, none twice`)
  say('feed lag', `p50 ${shownMs(report.lagMs.p50)}, p99 ${shownMs(report.lagMs.p99)} from acknowledgement to arrival; ` +
    `${(report.arrivedFirst * 100).toFixed(1)} % arrived before it`)
  say('compared', report.difference === null
    ? `${count(report.keys)} keys in ${report.collections} collections, ${count(report.bytes)} bytes of data: the copy is the same`
    : `DIFFERENT: ${report.difference}`)
  return report.difference === null && repeatedBatchWasRecognised ? 0 : 1
}

function say (what: string, text: string): void {
  process.stdout.write(`${what.padEnd(10)}${text}\n`)
}

function count (value: number): string {
  return Math.round(value).toLocaleString('en-GB')
}

/** What came before its acknowledgement has not lagged at all. */
function shownMs (lag: number): string {
  return `${Math.max(0, lag).toFixed(1)} ms`
}

function nonAscii ({ records }: Source): number {
  return records.filter(({ data }) => Buffer.byteLength(data) > data.length).length
}
