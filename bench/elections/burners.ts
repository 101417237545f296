import { endChild, startChild } from '../children.ts'

/** Processes that do nothing but take all the time of the processors that they get. Returns what ends them. */
export function burn (count: number): () => Promise<void> {
  const children = Array.from({ length: count }, () => startChild(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }))
  return async () => { await Promise.all(children.map(endChild)) }
}
