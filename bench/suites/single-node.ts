import { mkdir, writeFile } from 'node:fs/promises'
import { describeMachine } from '../measure/machine.ts'
import { fullPace, quickPace } from '../measure/pace.ts'
import type { Section } from '../measure/figure.ts'
import { renderChart } from '../report/chart.ts'
import { renderMarkdown } from '../report/markdown.ts'
import { delivery } from './delivery.ts'
import { withHouse, type House } from './house.ts'
import { pages } from './pages.ts'
import { reads } from './reads.ts'
import { starts } from './starts.ts'
import type { SuiteOptions } from './suite.ts'
import { writes } from './writes.ts'

const title = 'One node beside bare Fastify and etcd'

/** One node of Changewell, bare Fastify and one member of etcd, asked for the same by the same client in turn. */
export async function singleNode ({ dist, quick, say }: SuiteOptions): Promise<void> {
  const pace = quick ? quickPace : fullPace
  await withHouse(dist, pace, async (house) => {
    const sections: Section[] = []
    for (const measure of [writes, reads, pages, delivery]) {
      say(`${measure.name} ...`)
      sections.push(await measure(house))
    }
    say('starts ...')
    sections.push(await starts(house, dist))
    const machine = await describeMachine(house.folder)
    const page = renderMarkdown({
      title, introduction: introduction(house), machine, sections, chart: 'single-node.svg',
    })
    say(page)
    if (quick) return
    await mkdir('bench/results', { recursive: true })
    await writeFile('bench/results/single-node.md', page)
    await writeFile('bench/results/single-node.svg',
      renderChart(title, sections.flatMap(({ figures }) => figures).filter(({ isCharted }) => isCharted)))
    say('written to bench/results/single-node.md and .svg')
  })
}

function introduction ({ etcd, pace }: House): string[] {
  return [
    `Made by \`npm run bench -- single-node\`; [how to read it](../../docs/operating/benchmarks.md). Numbers are medians of ${pace.rounds} rounds ` +
    `of ${pace.seconds} seconds, in which the servers took turns. A ratio is the median of the rounds' own ratios, with the ` +
    'least and the greatest: above 1 Changewell was so many times better, faster or cheaper, below 1 worse.',
    ...etcd === null ? ['etcd is not installed here, so it is missing.'] : [],
  ]
}
