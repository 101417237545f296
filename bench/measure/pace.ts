/** How thoroughly to measure. */
export interface Pace {
  rounds: number
  seconds: number
  /** Before each measurement, so that connections and caches are warm. */
  warmupSeconds: number
  /** Writes that are delivered to waiting readers, each round. */
  deliveries: number
}

export const fullPace: Pace = { rounds: 5, seconds: 1.2, warmupSeconds: 0.3, deliveries: 20 }

export const quickPace: Pace = { rounds: 2, seconds: 0.5, warmupSeconds: 0.2, deliveries: 8 }
