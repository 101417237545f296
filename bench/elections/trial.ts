import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { burn } from './burners.ts'
import type { ElectionCluster } from './cluster.ts'

/** What was seen with one pair of times. */
export interface Trial {
  heartbeatMs: number
  electionMs: number
  isLoaded: boolean
  /** Of the machine in the minute before its end: more than it has processors is more than it can do. */
  loadAverage: number
  /** How long the cluster was watched while nothing failed. */
  seconds: number
  /** Terms that began in that time: elections for which there was no reason. */
  falseElections: number
  /** Milliseconds until another leads, of each leader that was killed. */
  failovers: number[]
}

export interface TrialOptions {
  heartbeatMs: number
  electionMs: number
  isLoaded: boolean
  seconds: number
  kills: number
  /** Processes that make the load. */
  burners: number
}

const writers = 4

/** Watches a cluster that is written to: first while nothing fails, then as its leaders are killed. */
export async function tryTimes (cluster: ElectionCluster, options: TrialOptions): Promise<Trial> {
  const { heartbeatMs, electionMs, isLoaded, seconds, kills, burners } = options
  await cluster.setTimes(heartbeatMs, electionMs)
  const quench = burn(isLoaded ? burners : 0)
  let isOver = false
  const writing = Promise.all(Array.from({ length: writers }, () => cluster.write(() => isOver)))
  const before = await cluster.term()
  await sleep(seconds * 1000)
  const falseElections = await cluster.term() - before
  isOver = true
  await writing
  const failovers: number[] = []
  for (let kill = 0; kill < kills; kill++) failovers.push(await cluster.killLeader())
  const [loadAverage = 0] = loadavg()
  await quench()
  return { heartbeatMs, electionMs, isLoaded, loadAverage, seconds, falseElections, failovers }
}
