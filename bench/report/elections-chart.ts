import type { Trial } from '../elections/trial.ts'
import { median } from '../measure/quantile.ts'
import { ink, svg, text } from './svg.ts'

const colours = { 'as it was': '#2f81f7', loaded: '#d29922' }

const width = 760
const height = 380
const left = 70
const right = 20
const top = 70
const bottom = 64

/**
 * Time to a new leader over the election time, both logarithmic: a point is the median of a setting, its line goes from
 * the least to the greatest; the number beside it counts false elections.
 */
export function renderElections (title: string, trials: readonly Trial[]): string {
  const elections = trials.map(({ electionMs }) => electionMs)
  const times = trials.flatMap(({ failovers }) => failovers)
  const [xLow, xHigh] = [Math.min(...elections) / 1.4, Math.max(...elections) * 1.4]
  const yLow = 10 ** Math.floor(Math.log10(Math.min(...times)))
  const yHigh = 10 ** Math.ceil(Math.log10(Math.max(...times)))
  const x = (value: number): number => left + share(value, xLow, xHigh) * (width - left - right)
  const y = (value: number): number => height - bottom - share(value, yLow, yHigh) * (height - top - bottom)
  const parts = [
    text({ x: 16, y: 24, size: 16, weight: 600 }, title),
    text({ x: 16, y: 46, size: 12 }, 'milliseconds until another leads; beside a point: false elections while nothing failed'),
  ]
  for (let power = yLow; power <= yHigh; power *= 10) {
    parts.push(`<path d="M${left} ${y(power).toFixed(1)}H${width - right}" stroke="${ink}" stroke-opacity="0.25"/>`,
      text({ x: left - 8, y: y(power) + 4, anchor: 'end' }, power.toLocaleString('en-GB')))
  }
  for (const election of new Set(elections)) {
    const { heartbeatMs } = trials.find(({ electionMs }) => electionMs === election)!
    parts.push(text({ x: x(election), y: height - bottom + 22, anchor: 'middle' }, `${heartbeatMs} / ${election}`))
  }
  parts.push(text({ x: (left + width - right) / 2, y: height - 14, anchor: 'middle', size: 12 }, 'heartbeatMs / electionMs'))
  for (const [name, isLoaded] of [['as it was', false], ['loaded', true]] as const) {
    const colour = colours[name]
    const place = isLoaded ? width - right - 110 : width - right - 230
    parts.push(`<circle cx="${place}" cy="20" r="5" fill="${colour}"/>`, text({ x: place + 12, y: 24 }, name))
    for (const trial of trials.filter((each) => each.isLoaded === isLoaded)) {
      const at = x(trial.electionMs) + (isLoaded ? 7 : -7)
      const { failovers, falseElections } = trial
      parts.push(`<path d="M${at.toFixed(1)} ${y(Math.min(...failovers)).toFixed(1)}V${y(Math.max(...failovers)).toFixed(1)}" stroke="${colour}" stroke-width="2"/>`,
        `<circle cx="${at.toFixed(1)}" cy="${y(median(failovers)).toFixed(1)}" r="5" fill="${colour}"/>`,
        text({ x: at + (isLoaded ? 9 : -9), y: y(median(failovers)) + 4, anchor: isLoaded ? 'start' : 'end', size: 12 }, String(falseElections)))
    }
  }
  return svg(title, { width, height }, parts)
}

function share (value: number, low: number, high: number): number {
  return Math.log(value / low) / Math.log(high / low)
}
