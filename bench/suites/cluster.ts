import { mkdir, writeFile } from 'node:fs/promises'
import { describeMachine } from '../measure/machine.ts'
import { fullPace, quickPace } from '../measure/pace.ts'
import type { Section } from '../measure/figure.ts'
import { renderChart } from '../report/chart.ts'
import { renderMarkdown } from '../report/markdown.ts'
import { delivery } from './delivery.ts'
import { withClusters, withTlsClusters, type House } from './house.ts'
import { reads } from './reads.ts'
import type { SuiteOptions } from './suite.ts'
import { writes } from './writes.ts'

const title = 'Three nodes beside three of etcd'

/** Three nodes of Changewell and three of etcd on this machine, asked through their leaders by the same client. */
export async function cluster ({ dist, quick, say }: SuiteOptions): Promise<void> {
  const pace = quick ? quickPace : fullPace
  say('writes with TLS ...')
  const tls = await withTlsClusters(dist, pace, async (house) => [await writesWithTls(house)])
  await withClusters(dist, pace, async (house) => {
    const sections: Section[] = []
    for (const measure of [writes, reads, delivery]) {
      say(`${measure.name} ...`)
      sections.push(await measure(house))
    }
    sections.push(...tls)
    const machine = await describeMachine(house.folder)
    const page = renderMarkdown({ title, introduction: introduction(house), machine, sections, chart: 'cluster.svg' })
    say(page)
    if (quick) return
    await mkdir('bench/results', { recursive: true })
    await writeFile('bench/results/cluster.md', page)
    await writeFile('bench/results/cluster.svg',
      renderChart(title, sections.flatMap(({ figures }) => figures).filter(({ isCharted }) => isCharted)))
    say('written to bench/results/cluster.md and .svg')
  })
}

/** Whose ratios are those of the same cluster in three ways, and of etcd in the same way. */
async function writesWithTls (house: House): Promise<Section> {
  const section = await writes(house)
  return {
    title: 'Durable writes with TLS',
    subject: 'Changewell, TLS throughout',
    about: 'The same with TLS to clients and mutual TLS between nodes, beside Changewell with TLS only between nodes and ' +
      'without any, and beside etcd with TLS throughout. Connections last; clients that come again resume their sessions.',
    figures: section.figures.map((figure) => ({ ...figure, title: `TLS: ${figure.title}`, isCharted: false })),
  }
}

function introduction ({ etcd, pace }: House): string[] {
  return [
    `Made by \`npm run bench -- cluster\`; [how to read it](../../docs/operating/benchmarks.md). Numbers are medians of ${pace.rounds} rounds ` +
    `of ${pace.seconds} seconds, in which the clusters took turns, on one machine: the processors are what they share. A ratio ` +
    'is the median of the rounds\' own ratios, with the least and the greatest: above 1 Changewell was so many times better. ' +
    'Processor time is the leader\'s alone where it does not say otherwise.',
    ...etcd === null ? ['etcd is not installed here, so it is missing.'] : [],
  ]
}
