import { ratioOf, type Figure, type Section } from '../measure/figure.ts'
import { median } from '../measure/quantile.ts'
import { shown, times } from './numbers.ts'

export interface Report {
  title: string
  /** Paragraphs before the tables. */
  introduction: string[]
  machine: string[]
  sections: Section[]
  /** The file name of the chart beside the report. */
  chart: string
}

/** The report as a page: a table for each section, medians and ratios. */
export function renderMarkdown ({ title, introduction, machine, sections, chart }: Report): string {
  const parts = [`# ${title}`, ...introduction, machine.map((line) => `- ${line}`).join('\n'), `![${title}](${chart})`]
  for (const section of sections) parts.push(`## ${section.title}`, section.about, table(section))
  return parts.join('\n\n') + '\n'
}

function table ({ figures, subject = 'Changewell' }: Section): string {
  const names = [...new Set(figures.flatMap(({ neighbours }) => neighbours.map(({ name }) => name)))]
  const rows = figures.map((figure) => {
    const of = (name: string) => figure.neighbours.find((neighbour) => neighbour.name === name)?.values
    return [
      `${figure.title}, ${figure.unit}`,
      shown(median(figure.subject)),
      ...names.map((name) => of(name) === undefined ? '' : shown(median(of(name)!))),
      ...names.map((name) => of(name) === undefined ? '' : ratioText(figure, of(name)!)),
    ]
  })
  const head = ['', subject, ...names, ...names.map((name) => `against ${name}`)]
  return [head, head.map((_, column) => column === 0 ? ':--' : '--:'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function ratioText (figure: Figure, values: number[]): string {
  const { median: middle, min, max } = ratioOf(figure, values)
  return `**${times(middle)}** (${shown(min)} to ${shown(max)})`
}
