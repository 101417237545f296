import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { HookGateOptions } from './gate.ts'

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** The figures of the validation hooks, on the leader. */
export function hookMetrics (registry: Registry, waiting: () => number): NonNullable<HookGateOptions['onCalled']> {
  const registers = [registry]
  const calls = new Counter({
    name: 'changewell_webhook_calls_total', help: 'Validation hooks that were asked', labelNames: ['hook', 'result'], registers,
  })
  const seconds = new Histogram({
    name: 'changewell_webhook_seconds',
    help: 'Time until a validation hook answered, or was given up',
    labelNames: ['hook'],
    buckets: secondsBuckets,
    registers,
  })
  // eslint-disable-next-line no-new
  new Gauge({
    name: 'changewell_webhook_waiting', help: 'Writes that wait for validation hooks', registers, collect () { this.set(waiting()) },
  })
  return ({ hook, result, seconds: taken }) => {
    calls.inc({ hook, result })
    seconds.observe({ hook }, taken)
  }
}
