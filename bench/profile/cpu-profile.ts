import { partOf } from './parts.ts'

/** What Node writes with --cpu-prof, as far as it is read here. Times are in microseconds. */
export interface CpuProfile {
  nodes: ProfileNode[]
  startTime: number
  samples: number[]
  timeDeltas: number[]
}

export interface ProfileNode {
  id: number
  callFrame: { functionName: string, url: string, lineNumber: number }
  children?: number[]
}

export interface Share {
  name: string
  /** Of the time in which the thread was not idle: 0 to 1. */
  share: number
}

export interface ProfileSummary {
  /** Of the whole time: 0 to 1. */
  idle: number
  parts: Share[]
  /** By the time in the function itself, without what it calls. */
  functions: Share[]
}

/** Adds up the samples between two times of the monotonic clock, in microseconds. */
export function summarise (profile: CpuProfile, from: number, to: number): ProfileSummary {
  const selfTime = selfTimes(profile, from, to)
  const byPart = new Map<string, number>()
  const byFunction = new Map<string, number>()
  let idle = 0
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const visit = (node: ProfileNode, partAbove: string): void => {
    const part = partOf(node.callFrame) ?? partAbove
    const time = selfTime.get(node.id) ?? 0
    if (node.callFrame.functionName === '(idle)') idle += time
    else if (time > 0) {
      add(byPart, part, time)
      add(byFunction, nameOf(node), time)
    }
    for (const child of node.children ?? []) visit(nodes.get(child)!, part)
  }
  visit(profile.nodes[0]!, 'event loop and native code')
  const busy = [...byPart.values()].reduce((sum, time) => sum + time, 0)
  return { idle: idle / (idle + busy), parts: shares(byPart, busy), functions: shares(byFunction, busy) }
}

/** The time until the next sample belongs to the function that a sample has met. */
function selfTimes ({ startTime, samples, timeDeltas }: CpuProfile, from: number, to: number): Map<number, number> {
  const times = new Map<number, number>()
  let at = startTime
  samples.forEach((id, place) => {
    at += timeDeltas[place]!
    if (at >= from && at < to) add(times, id, timeDeltas[place + 1] ?? 0)
  })
  return times
}

function nameOf ({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const file = url.replace(/^.*\/node_modules\//, '').replace(/^.*\/dist\//, '').replace(/^file:\/\//, '')
  const name = functionName === '' ? '(anonymous)' : functionName
  return file === '' ? name : `${name} (${file}:${lineNumber + 1})`
}

function shares (times: Map<string, number>, whole: number): Share[] {
  return [...times].map(([name, time]) => ({ name, share: time / whole })).sort((a, b) => b.share - a.share)
}

function add<Key> (sums: Map<Key, number>, key: Key, amount: number): void {
  sums.set(key, (sums.get(key) ?? 0) + amount)
}
