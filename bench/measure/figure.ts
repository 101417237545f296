import { median } from './quantile.ts'

/** One line of a report: the subject's values, round by round, and its neighbours' of the same rounds. */
export interface Figure {
  title: string
  unit: string
  better: 'higher' | 'lower'
  subject: number[]
  neighbours: Array<{ name: string, values: number[] }>
  /** It is shown in the chart too. */
  isCharted: boolean
}

export interface Section {
  title: string
  /** What was done, in a sentence or two. */
  about: string
  /** Who is compared with the neighbours, where it is not just Changewell. */
  subject?: string
  figures: Figure[]
}

export interface Ratio {
  median: number
  min: number
  max: number
}

/**
 * How many times better the subject was than a neighbour, by rounds: a ratio of two numbers that were taken within
 * seconds of each other says more than a ratio of two medians.
 */
export function ratioOf ({ better, subject }: Pick<Figure, 'better' | 'subject'>, neighbour: number[]): Ratio {
  const ratios = subject.map((value, round) => better === 'higher' ? value / neighbour[round]! : neighbour[round]! / value)
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) }
}
