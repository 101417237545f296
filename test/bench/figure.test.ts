import t from 'tap'
import { ratioOf, type Figure } from '../../bench/measure/figure.ts'
import { median, quantile } from '../../bench/measure/quantile.ts'
import { inRounds } from '../../bench/measure/rounds.ts'
import { renderChart } from '../../bench/report/chart.ts'
import { renderMarkdown } from '../../bench/report/markdown.ts'

const rate: Figure = {
  title: 'writes & more',
  unit: 'per second',
  better: 'higher',
  subject: [100, 300, 200],
  neighbours: [{ name: 'bare', values: [200, 400, 1000] }, { name: 'etcd', values: [50, 100, 100] }],
  isCharted: true,
}

t.test('a ratio is the median of the ratios of rounds, not the ratio of medians', async (t) => {
  t.same(ratioOf(rate, [200, 400, 1000]), { median: 0.5, min: 0.2, max: 0.75 })
})

t.test('a lower time is a better one', async (t) => {
  t.equal(ratioOf({ better: 'lower', subject: [2] }, [8]).median, 4)
})

t.test('quantiles are values of the list, and the median of an even number lies between', async (t) => {
  t.equal(quantile([1, 2, 3, 4], 0.99), 4)
  t.equal(quantile([1, 2, 3, 4], 0), 1)
  t.ok(Number.isNaN(quantile([], 0.5)))
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 3, 2]), 2.5)
})

t.test('entrants take turns, another one first in each round', async (t) => {
  const order: string[] = []
  const entrants = ['a', 'b', 'c'].map((name) => ({
    name,
    measure: async () => order.push(name),
  }))
  const samples = await inRounds(entrants, 3)
  t.equal(order.join(''), 'abcbcacab')
  t.same(samples.get('a'), [1, 6, 8])
})

t.test('a report names who could not be measured', async (t) => {
  const broken = { name: 'broken', measure: async () => { throw new Error('no') } }
  await t.rejects(inRounds([broken], 1), { message: 'broken could not be measured' })
})

t.test('a report has a row for each figure, with medians and ratios', async (t) => {
  const page = renderMarkdown({
    title: 'Title',
    introduction: ['About.'],
    machine: ['two cores'],
    sections: [{ title: 'Writes', about: 'How.', figures: [rate] }],
    chart: 'title.svg',
  })
  t.match(page, '| writes & more, per second | 200 | 400 | 100 | **0.5×** (0.2 to 0.75) | **2×** (2 to 3) |')
})

t.test('a chart draws what is better to the right of the line at 1, and what is worse to the left', async (t) => {
  const chart = renderChart('Title', [rate])
  const line = Number(/<path d="M([\d.]+) \d+V\d+" stroke="[^"]+" stroke-opacity="1"/.exec(chart)?.[1])
  const bars = [...chart.matchAll(/<rect x="([\d.]+)" y="(?!38)\d+" width="([\d.]+)"/g)].map(([, x, width]) => (
    [Number(x), Number(x) + Number(width)]))
  t.equal(bars.length, 2)
  t.ok(bars[0]![0]! < line && Math.abs(bars[0]![1]! - line) < 0.2, 'half as good ends at the line')
  t.ok(Math.abs(bars[1]![0]! - line) < 0.2 && bars[1]![1]! > line, 'twice as good begins there')
  t.match(chart, 'writes &#38; more')
})
