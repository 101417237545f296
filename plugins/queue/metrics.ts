import { Counter, Gauge, type Registry } from 'prom-client'
import type { Queue } from './queue.ts'

/** What waits in the queue, for how long, and what became of the rest. Returns what counts the latter. */
export function queueMetrics (registry: Registry, queue: () => Queue): (what: string) => void {
  const registers = [registry]
  const done = new Counter({
    name: 'changewell_queue_done_total',
    help: 'Writes that left the queue, by what became of them',
    labelNames: ['outcome'],
    registers,
  })
  gauge('changewell_queue_writes', 'Writes in this node\'s queue', () => queue().items.length)
  gauge('changewell_queue_bytes', 'Bytes of the writes in this node\'s queue', () => queue().bytes)
  gauge('changewell_queue_oldest_seconds', 'Time that the oldest write in the queue has waited', () => {
    const [oldest] = queue().items
    return oldest === undefined ? 0 : Math.max(0, (Date.now() - oldest.acceptedAt) / 1000)
  })
  return (what) => { done.inc({ outcome: what }) }

  function gauge (name: string, help: string, read: () => number): void {
    // eslint-disable-next-line no-new
    new Gauge({ name, help, registers, collect () { this.set(read()) } })
  }
}
