import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../../app/read-settings.ts'

const pipes = join(tmpdir(), 'changewell-stall')

/** With this a node's disk can be made to hang. */
export const hangable: Environment = {
  NODE_OPTIONS: `--import=${new URL('./stall-on-signal.js', import.meta.url)}`,
  STALL_PIPES: pipes,
}

/** Makes the disk of a process hang that was started so. Returns what lets it go on, which may be called again. */
export function hangDisk (pid: number): () => void {
  const pipe = `${pipes}-${pid}`
  rmSync(pipe, { force: true })
  execFileSync('mkfifo', [pipe])
  process.kill(pid, 'SIGWINCH')
  let hangs = true
  return () => {
    if (!hangs) return
    hangs = false
    // For reading and writing: that never waits itself. It stays open for threads that have not opened theirs yet.
    const writer = openSync(pipe, 'r+')
    rmSync(pipe)
    setTimeout(() => closeSync(writer), 1000)
  }
}
