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
}

export interface LoadPlan {
  requests: Buffer[]
  connections: number
}

/** A server under load, ready to be measured beside others. */
export function underLoad (client: Client, pace: Pace, { name, port, pid }: Contender, plan: LoadPlan): Entrant<LoadSample> {
  return {
    name,
    async measure () {
      const before = await processorSeconds(pid)
      const result = await client.load({ port, ...plan, seconds: pace.seconds, warmupSeconds: pace.warmupSeconds })
      const after = await processorSeconds(pid)
      const seconds = before === null || after === null ? NaN : after - before
      return { ...result, processorMicros: seconds / result.answers * 1e6 }
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
export function loadFigure (title: string, samples: Map<string, LoadSample[]>, { unit, better, value, isCharted }: Aspect): Figure {
  const [subject, ...neighbours] = [...samples].map(([name, list]) => ({ name, values: list.map(value) }))
  return { title, unit, better, subject: subject!.values, neighbours, isCharted }
}

export const p50: Omit<Aspect, 'isCharted'> = { unit: 'p50 ms', better: 'lower', value: (sample) => sample.p50Ms }

export const p99: Omit<Aspect, 'isCharted'> = { unit: 'p99 ms', better: 'lower', value: (sample) => sample.p99Ms }

export const processor: Omit<Aspect, 'isCharted'> = {
  unit: 'processor µs each', better: 'lower', value: (sample) => sample.processorMicros,
}

export function rate (unit: string, each = 1): Omit<Aspect, 'isCharted'> {
  return { unit, better: 'higher', value: (sample) => sample.perSecond * each }
}
