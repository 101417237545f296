import type { Metric, Registry } from 'prom-client'

/** Upper bounds in seconds: a read from memory takes a quarter of a millisecond, a write with its fsync a few. */
const bounds = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

interface Value {
  labels: Record<string, string | number>
  value: number
  metricName?: string
}

/** Counts the requests of one route. This runs for every request, so it touches numbers only. */
export class RouteMeter {
  readonly #labels: { method: string, route: string }
  readonly #statuses = new Map<number, number>()
  readonly #buckets = new Float64Array(bounds.length + 1)
  #seconds = 0

  constructor (method: string, route: string) {
    this.#labels = { method, route }
  }

  count (status: number): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1)
  }

  time (seconds: number): void {
    let bucket = 0
    while (bucket < bounds.length && seconds > bounds[bucket]!) bucket++
    this.#buckets[bucket]! += 1
    this.#seconds += seconds
  }

  counts (): Value[] {
    return [...this.#statuses].map(([status, value]) => ({ labels: { ...this.#labels, status }, value }))
  }

  durations (name: string): Value[] {
    let below = 0
    const buckets = Array.from(this.#buckets, (value, index) => {
      below += value
      return { labels: { ...this.#labels, le: bounds[index] ?? '+Inf' }, value: below, metricName: `${name}_bucket` }
    })
    if (below === 0) return []
    return [
      ...buckets,
      { labels: this.#labels, value: this.#seconds, metricName: `${name}_sum` },
      { labels: this.#labels, value: below, metricName: `${name}_count` },
    ]
  }
}

/**
 * Shows the meters of all routes. prom-client's own counters and histograms look their labels up anew for each
 * observation, which costs a microsecond a request here; a registry only asks a metric for its name and its values.
 */
export function registerMeters (registry: Registry, meters: Iterable<RouteMeter>): void {
  const duration = 'changewell_http_request_duration_seconds'
  const metric = (name: string, type: string, help: string, values: (meter: RouteMeter) => Value[]) =>
    registry.registerMetric({
      name,
      get: async () => ({ name, help, type, values: [...meters].flatMap(values) }),
      reset: () => {},
    } as unknown as Metric)
  metric('changewell_http_requests_total', 'counter', 'Requests answered', (meter) => meter.counts())
  metric(duration, 'histogram', 'Time from a request to the end of its answer, waiting readers apart',
    (meter) => meter.durations(duration))
}
