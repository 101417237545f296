import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus, release, totalmem, type as system } from 'node:os'
import { resolve } from 'node:path'

/** What the numbers were taken on, as lines of a list. */
export async function describeMachine (folder: string): Promise<string[]> {
  return [
    `processor: ${cpus()[0]?.model.trim() || 'unknown'}, ${availableParallelism()} cores`,
    `memory: ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `system: ${system()} ${release()}, file system of the data: ${await fileSystemOf(folder)}`,
    `Node ${process.version}`,
  ]
}

/** The kind of file system, from the longest mount point that leads to the folder. */
async function fileSystemOf (folder: string): Promise<string> {
  try {
    const path = resolve(folder) + '/'
    const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '))
    const above = mounts.filter(([, point = '']) => path.startsWith(point.endsWith('/') ? point : point + '/'))
    above.sort(([, a = ''], [, b = '']) => a.length - b.length)
    return above.at(-1)?.[2] ?? 'unknown'
  } catch {
    return 'unknown'
  }
}
