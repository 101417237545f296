import { readFile } from 'node:fs/promises'

/** The kernel counts in ticks of a hundredth of a second on every Linux that Node runs on (proc(5)). */
const ticksPerSecond = 100

/** Seconds that a process has spent on the processors, all threads together; NaN where there is no /proc to tell. */
export function processorSeconds (pid: number): Promise<number> {
  return secondsIn(`/proc/${pid}/stat`)
}

/** The same of its main thread alone: in Node the one that runs JavaScript. */
export function mainThreadSeconds (pid: number): Promise<number> {
  return secondsIn(`/proc/${pid}/task/${pid}/stat`)
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
