import { execFileSync } from 'node:child_process'
import { closeSync, open, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { folder } from './node.ts'

/** As many threads do Node's work on files, unless UV_THREADPOOL_SIZE says otherwise. */
const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4)

/**
 * Stalls all of this process's work on files, as a disk does that hangs: every thread for it waits for a pipe that
 * nobody writes to. Returns what ends the stall; the test's end does so too.
 */
export function stallDisk (t: Test): () => void {
  const pipe = join(folder(t), 'pipe')
  execFileSync('mkfifo', [pipe])
  const opened = Array.from({ length: threads }, () => new Promise<void>((resolve) => {
    open(pipe, 'r', (_error, descriptor) => {
      closeSync(descriptor)
      resolve()
    })
  }))
  let writer: number | null = null
  const release = (): void => {
    // For reading and writing: that never waits itself.
    writer ??= openSync(pipe, 'r+')
  }
  t.teardown(async () => {
    release()
    await Promise.all(opened)
    closeSync(writer!)
  })
  return release
}
