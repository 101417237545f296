import { readdir, readFile } from 'node:fs/promises'

/** The kernel counts in ticks of a hundredth of a second on every Linux that Node runs on (proc(5)). */
const ticksPerSecond = 100

/** Seconds that a process has spent on the processors, all threads together; NaN where there is no /proc to tell. */
export function processorSeconds (pid: number): Promise<number> {
  return secondsIn(`/proc/${pid}/stat`)
}

/** What a process's threads did since they began. */
export interface ThreadTimes {
  /** Seconds on the processors of the main thread: in Node the one that runs JavaScript. */
  mainSeconds: number
  otherSeconds: number
  /** How often threads went to sleep to wait for something. */
  waits: number
}

/** NaN for all where there is no /proc to tell. */
export async function threadTimes (pid: number): Promise<ThreadTimes> {
  const mainSeconds = await secondsIn(`/proc/${pid}/task/${pid}/stat`)
  const otherSeconds = await processorSeconds(pid) - mainSeconds
  return { mainSeconds, otherSeconds, waits: await waitsOf(pid) }
}

async function waitsOf (pid: number): Promise<number> {
  try {
    const threads = await readdir(`/proc/${pid}/task`)
    const states = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/status`, 'utf8')))
    return states.reduce((sum, state) => sum + Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(state)?.[1] ?? NaN), 0)
  } catch {
    return NaN
  }
}

async function secondsIn (file: string): Promise<number> {
  try {
    const stat = await readFile(file, 'utf8')
    // The program's name stands in parentheses and may hold anything; utime and stime are the 12th and 13th after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  } catch {
    return NaN
  }
}
