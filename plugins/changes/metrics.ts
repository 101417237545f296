import { Counter, Gauge, type Registry } from 'prom-client'
import type { Feed } from './feed.ts'
import type { EndReason } from './stream.ts'

/** Who reads the live end, and what is kept in memory for them. */
export function feedMetrics (registry: Registry, feed: Feed): void {
  const registers = [registry]
  const gauges: Array<[name: string, help: string, read: () => number]> = [
    ['changewell_feed_streams', 'Open streams', () => feed.streams],
    ['changewell_feed_blocked_readers', 'Long polls that wait', () => feed.waiters.size],
    ['changewell_feed_tail_bytes', 'Memory taken by the newest changes', () => feed.tail.bytes],
    ['changewell_feed_tail_first_revision', 'The oldest change served from memory', () => feed.tail.firstRevision],
  ]
  for (const [name, help, read] of gauges) {
    // eslint-disable-next-line no-new
    new Gauge({ name, help, registers, collect () { this.set(read()) } })
  }
  // eslint-disable-next-line no-new
  new Counter({
    name: 'changewell_feed_streams_ended_total',
    help: 'Streams that ended, by reason',
    labelNames: ['reason'],
    registers,
    collect () {
      this.reset()
      const ended = Object.entries(feed.ended) as Array<[EndReason, number]>
      for (const [reason, count] of ended) this.inc({ reason }, count)
    },
  })
}
