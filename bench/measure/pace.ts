/** How thoroughly to measure. */
export interface Pace {
  rounds: number
  seconds: number
  /** Before each measurement, so that connections and caches are warm. */
  warmupSeconds: number
  /** Writes that are delivered to waiting readers, each round. */
  deliveries: number
}

export const fullPace: Pace = { rounds: 7, seconds: 0.8, warmupSeconds: 0.2, deliveries: 15 }

export const quickPace: Pace = { rounds: 2, seconds: 0.4, warmupSeconds: 0.15, deliveries: 6 }
