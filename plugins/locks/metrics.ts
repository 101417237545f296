import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { LockManagerOptions } from './manager.ts'

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** The figures of the locks. A write that nobody was in the way of is not timed: that costs more than its locks. */
export function lockMetrics (registry: Registry): {
  onWaited: NonNullable<LockManagerOptions['onWaited']>
  watch: (figures: { held: () => number, waiting: () => number }) => void
} {
  const registers = [registry]
  const waits = new Counter({
    name: 'changewell_lock_waits_total', help: 'Writes that had to wait for locks, by how it ended', labelNames: ['result'], registers,
  })
  const seconds = new Histogram({
    name: 'changewell_lock_wait_seconds', help: 'Time that a write waited for its locks, if it had to', buckets: secondsBuckets, registers,
  })
  return {
    onWaited ({ result, seconds: waited }) {
      waits.inc({ result })
      seconds.observe(waited)
    },
    watch ({ held, waiting }) {
      gauge('changewell_locks_held', 'Writes that hold their locks, on the leader', held)
      gauge('changewell_lock_waiters', 'Writes that wait for locks, on the leader', waiting)
    },
  }

  function gauge (name: string, help: string, read: () => number): void {
    // eslint-disable-next-line no-new
    new Gauge({ name, help, registers, collect () { this.set(read()) } })
  }
}
