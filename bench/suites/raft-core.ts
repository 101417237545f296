import { mkdir, writeFile } from 'node:fs/promises'
import { describeMachine } from '../measure/machine.ts'
import { median } from '../measure/quantile.ts'
import { BareLogs } from '../raft-core/bare-logs.ts'
import { CoreCluster } from '../raft-core/cluster.ts'
import { shown, times } from '../report/numbers.ts'
import type { SuiteOptions } from './suite.ts'

const batchEntries = 64
const entryBytes = 200
const target = 500_000

/** What consensus costs when network and disk cost nothing, beside three logs that agree on nothing. */
export async function raftCore ({ quick, say }: SuiteOptions): Promise<void> {
  const rounds = quick ? 3 : 10
  const entries = quick ? 200_000 : 1_000_000
  const cluster = new CoreCluster()
  const bare = new BareLogs()
  const subject: Round[] = []
  const neighbour: Round[] = []
  for (let round = 0; round < rounds; round++) {
    neighbour.push(run(bare, entries))
    subject.push(run(cluster, entries))
    say(`${shown(cluster.applied)} entries, ${shown(subject.at(-1)!.perSecond)} a second, heap ${mebibytes(subject.at(-1)!)}`)
  }
  const perSecond = median(subject.map((round) => round.perSecond))
  const ratios = subject.map((round, at) => round.perSecond / neighbour[at]!.perSecond)
  const micros = median(subject.map((round) => round.messageMicros))
  // The first round's heap holds what is being compiled.
  const heaps = subject.slice(1).map((round) => round.heapBytes)
  const page = [
    '# Three Raft cores in one process', '',
    `Made by \`npm run bench -- raft-core\`: ${shown(entries * rounds)} entries of ${entryBytes} bytes in batches of ${batchEntries}, ` +
    'each proposed, replicated to two followers, made durable, committed and applied by all three before the next, with a ' +
    'network and a disk that answer at once, and the logs cut as they grow. The neighbour is three arrays that get the ' +
    'same entries and are cut likewise: the least that any replication costs.', '',
    '| figure | value |', '| :-- | --: |',
    `| entries a second, all three cores on one thread | ${shown(perSecond)} |`,
    `| of the bare arrays' rate, median (least to greatest) | ${times(median(ratios))} (${shown(Math.min(...ratios))} to ${shown(Math.max(...ratios))}) |`,
    `| of the target of ${shown(target)} entries a second | ${times(perSecond / target)} |`,
    `| microseconds a message, stepped and with what it leads to | ${shown(micros)} |`,
    `| heap after garbage collection, least to greatest round | ${shown(Math.min(...heaps) / 2 ** 20)} to ${shown(Math.max(...heaps) / 2 ** 20)} MiB |`,
    '', 'Taken on:', '', ...(await describeMachine('bench')).map((line) => `- ${line}`), '',
  ].join('\n')
  say(page)
  if (quick) return
  await mkdir('bench/results', { recursive: true })
  await writeFile('bench/results/raft-core.md', page)
  say('written to bench/results/raft-core.md')
}

interface Round {
  perSecond: number
  messageMicros: number
  heapBytes: number
}

function run (subject: CoreCluster | BareLogs, entries: number): Round {
  const { messages } = subject
  const begun = performance.now()
  for (let done = 0; done < entries; done += batchEntries) {
    // Each with bytes of its own, as they come from requests.
    subject.propose(Array.from({ length: batchEntries }, () => ({ type: 0, data: Buffer.allocUnsafe(entryBytes) })))
  }
  const seconds = (performance.now() - begun) / 1000
  globalThis.gc?.()
  return {
    perSecond: entries / seconds,
    messageMicros: seconds * 1e6 / (subject.messages - messages),
    heapBytes: process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers,
  }
}

function mebibytes ({ heapBytes }: Round): string {
  return `${shown(heapBytes / 2 ** 20)} MiB`
}
