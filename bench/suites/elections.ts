import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ElectionCluster, giveUpMs } from '../elections/cluster.ts'
import { tryTimes, type Trial } from '../elections/trial.ts'
import { describeMachine } from '../measure/machine.ts'
import { median } from '../measure/quantile.ts'
import { renderElections } from '../report/elections-chart.ts'
import { shown } from '../report/numbers.ts'
import type { SuiteOptions } from './suite.ts'

const title = 'Election times with and without load'

/** heartbeatMs and electionMs, from far too short to long. */
const pairs = [[10, 100], [25, 250], [50, 500], [100, 1000], [250, 2500]] as const

/** How long until another leads, and how often one is taken for lost that is not, for a range of times. */
export async function elections ({ dist, quick, say }: SuiteOptions): Promise<void> {
  const kills = quick ? 1 : 3
  const seconds = quick ? 2 : 4
  const burners = 4 * availableParallelism()
  await mkdir('data', { recursive: true })
  const folder = await mkdtemp(join('data', 'bench-elections-'))
  try {
    const cluster = await ElectionCluster.start(dist, folder)
    const trials: Trial[] = []
    for (const isLoaded of [false, true]) {
      for (const [heartbeatMs, electionMs] of pairs) {
        const trial = await tryTimes(cluster, { heartbeatMs, electionMs, isLoaded, seconds, kills, burners })
        trials.push(trial)
        say(`${isLoaded ? 'loaded' : 'as it was'}, ${heartbeatMs}/${electionMs}: ${trial.falseElections} false elections, ` +
          `another leads after ${trial.failovers.map((time) => Math.round(time)).join(', ')} ms`)
      }
    }
    await cluster.close()
    const page = render(trials, { seconds, kills, burners, machine: await describeMachine(folder) })
    say(page)
    if (quick) return
    await mkdir('bench/results', { recursive: true })
    await writeFile('bench/results/elections.md', page)
    await writeFile('bench/results/elections.svg', renderElections(title, trials))
    say('written to bench/results/elections.md and .svg')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function render (trials: Trial[], { seconds, kills, burners, machine }: {
  seconds: number, kills: number, burners: number, machine: string[]
}): string {
  const rows = trials.map(({ heartbeatMs, electionMs, isLoaded, loadAverage, falseElections, failovers }) => (
    `| ${isLoaded ? 'loaded' : 'as it was'} | ${shown(loadAverage)} | ${heartbeatMs} | ${electionMs} | ${falseElections} | ${shown(median(failovers))} | ` +
    `${shown(Math.min(...failovers))} to ${shown(Math.max(...failovers))} |`))
  return [
    `# ${title}`, '',
    'Made by `npm run bench -- elections`; [what follows from it](../../docs/operating/election-times.md). Three nodes and what ' +
    `writes to them on one machine, for ${seconds} seconds without a fault, in which every new term is a false election; then ` +
    `${kills} leaders were killed, one after another, and the time was taken until another leads. On the loaded machine ${burners} ` +
    'processes that never rest share the processors with the nodes. ' +
    `Where nobody led after ${shown(giveUpMs)} ms, that is the number.`, '',
    ...machine.map((line) => `- ${line}`), '',
    `![${title}](elections.svg)`, '',
    '| machine | load average | heartbeatMs | electionMs | false elections | ms until another leads, median | least to greatest |',
    '| :-- | --: | --: | --: | --: | --: | --: |',
    ...rows, '',
  ].join('\n')
}
