import { Counts, faultKinds } from '../counts.ts'
import type { Result } from '../simulation.ts'

const outcomes = ['elections', 'entries', 'writes', 'reads', 'feed pages']

/** What many seeds did, added up. */
export class Summary {
  readonly #counts = new Counts()
  #seeds = 0
  #steps = 0
  #micros = 0

  add ({ steps, micros, counts }: Result): void {
    this.#seeds++
    this.#steps += steps
    this.#micros += micros
    this.#counts.addAll(counts)
  }

  /** A table of two columns: what there was, then what was injected. */
  text (seedsPerSecond: number): string {
    const { all } = this.#counts
    const rows: (readonly [string, string])[] = [
      ['seeds', numberText(this.#seeds)],
      ['steps', numberText(this.#steps)],
      ['virtual time', `${numberText(Math.round(this.#micros / 1_000_000))} s`],
      ...outcomes.map((name) => [name, numberText(all[name] ?? 0)] as const),
      ['seeds/s', seedsPerSecond.toFixed(1)],
      ['', ''],
      ['faults', ''],
      ...faultKinds.map((name) => [`  ${name}`, numberText(all[name] ?? 0)] as const),
    ]
    const width = Math.max(...rows.map(([name]) => name.length))
    return rows.map(([name, value]) => `${name.padEnd(width)}  ${value.padStart(12)}`.trimEnd() + '\n').join('')
  }
}

function numberText (number: number): string {
  return number.toLocaleString('en-US')
}
