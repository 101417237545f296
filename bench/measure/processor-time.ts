import { readFile } from 'node:fs/promises'

/** The kernel counts in ticks of a hundredth of a second on every Linux that Node runs on (proc(5)). */
const ticksPerSecond = 100

/** Seconds that a process has spent on the processors, all threads together; null where /proc does not tell. */
export async function processorSeconds (pid: number): Promise<number | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name of the program stands in parentheses and may hold anything; utime and stime are the 12th and 13th after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  } catch {
    return null
  }
}
