import { ratioOf, type Figure } from '../measure/figure.ts'
import { times } from './numbers.ts'
import { ink, svg, text } from './svg.ts'

const colours = ['#2f81f7', '#d29922']

const width = 860
const left = 340
const right = 60
const rowHeight = 40
const barHeight = 13
const top = 62
const bottom = 34

/**
 * How many times better than each neighbour, as bars from a line at 1 on a logarithmic scale: to the right is better,
 * to the left worse, and twice as good is as long as half as good.
 */
export function renderChart (title: string, figures: Figure[]): string {
  const names = [...new Set(figures.flatMap(({ neighbours }) => neighbours.map(({ name }) => name)))]
  const ratios = figures.map((figure) => figure.neighbours.map(({ name, values }) => (
    { name, ratio: ratioOf(figure, values).median })))
  const all = ratios.flat().map(({ ratio }) => Math.log2(ratio)).filter(Number.isFinite)
  const low = Math.floor(Math.min(-1, ...all))
  const high = Math.ceil(Math.max(1, ...all))
  const x = (ratio: number) => left + (Math.log2(ratio) - low) / (high - low) * (width - left - right)
  const height = top + figures.length * rowHeight + bottom
  const parts = [text({ x: 16, y: 24, weight: 600, size: 16 }, title),
    text({ x: 16, y: 49, size: 12 }, 'to the right of 1×: Changewell is better')]
  names.forEach((name, at) => {
    parts.push(bar(left + at * 190, 38, 12, colours[at]!), text({ x: left + 18 + at * 190, y: 49 }, `against ${name}`))
  })
  for (let power = low; power <= high; power++) {
    const at = x(2 ** power).toFixed(1)
    parts.push(`<path d="M${at} ${top}V${height - bottom}" stroke="${ink}" stroke-opacity="${power === 0 ? 1 : 0.25}"/>`,
      text({ x: Number(at), y: height - 14, anchor: 'middle' }, power < 0 ? `1/${2 ** -power}×` : `${2 ** power}×`))
  }
  figures.forEach((figure, row) => {
    const y = top + row * rowHeight + 6
    parts.push(text({ x: left - 12, y: y + 18, anchor: 'end', size: 12 }, `${figure.title}, ${figure.unit}`))
    for (const { name, ratio } of ratios[row]!) {
      if (!Number.isFinite(ratio)) continue
      const at = names.indexOf(name)
      const barY = y + at * (barHeight + 2)
      const [from, to] = [x(1), x(ratio)].sort((a, b) => a - b) as [number, number]
      parts.push(bar(from, barY, to - from, colours[at]!), text({ x: to + 5, y: barY + 11, size: 11 }, times(ratio)))
    }
  })
  return svg(title, { width, height }, parts)
}

function bar (x: number, y: number, length: number, colour: string): string {
  return `<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(1, length).toFixed(1)}" height="${barHeight}" rx="2" fill="${colour}"/>`
}
