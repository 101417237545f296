import type { Client } from '../client/client.ts'
import type { LoadResult } from '../client/load.ts'
import type { Contender } from '../contenders/contender.ts'
import type { Figure } from './figure.ts'
import type { Pace } from './pace.ts'
import { processorSeconds } from './processor-time.ts'
import type { Entrant } from './rounds.ts'

/** What one server did under load, and the time on the processors that it took for one answer. */
export interface LoadSample extends LoadResult {
  processorMicros: number
  /** Of all nodes together, where there are several. */
  allMicros: number
}

export interface LoadPlan {
  requests: Buffer[]
  connections: number
}

/** A server under load, ready to be measured beside others. */
export function underLoad (client: Client, pace: Pace, contender: Contender, plan: LoadPlan): Entrant<LoadSample> {
  const { name, port, ca, pid, pids } = contender
  const target = ca === undefined ? { port } : { port, ca }
  return {
    name,
    async measure () {
      const before = await Promise.all([pid, ...pids].map(processorSeconds))
      const result = await client.load({ ...target, ...plan, seconds: pace.seconds, warmupSeconds: pace.warmupSeconds })
      const after = await Promise.all([pid, ...pids].map(processorSeconds))
      const [own, ...each] = after.map((seconds, at) => (seconds - before[at]!) / result.answers * 1e6)
      return { ...result, processorMicros: own!, allMicros: each.reduce((sum, micros) => sum + micros, 0) }
    },
  }
}

/** What of the samples a figure shows. */
export interface Aspect {
  unit: string
  better: Figure['better']
  value: (sample: LoadSample) => number
  isCharted: boolean
}

/** A figure for an aspect of samples, the first entrant's against the others'. */
export function loadFigure (title: string, samples: Map<string, LoadSample[]>, aspect: Aspect): Figure {
  const { unit, better, value, isCharted } = aspect
  const [subject, ...neighbours] = [...samples].map(([name, list]) => ({ name, values: list.map(value) }))
  return { title, unit, better, subject: subject!.values, neighbours, isCharted }
}

type Measure = Omit<Aspect, 'isCharted'>

export const p50: Measure = { unit: 'p50 ms', better: 'lower', value: (sample) => sample.p50Ms }

export const p99: Measure = { unit: 'p99 ms', better: 'lower', value: (sample) => sample.p99Ms }

export const processor: Measure = {
  unit: 'processor µs each', better: 'lower', value: (sample) => sample.processorMicros,
}

/** It hardly depends on what else the machine does: the figure by which changes to a cluster are judged. */
export const allProcessors: Measure = {
  unit: 'processor µs each, all nodes', better: 'lower', value: (sample) => sample.allMicros,
}

export function rate (unit: string, each = 1): Measure {
  return { unit, better: 'higher', value: (sample) => sample.perSecond * each }
}
