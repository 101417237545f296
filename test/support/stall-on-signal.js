import { closeSync, open } from 'node:fs'

/**
 * Loaded into a node before the rest: from SIGWINCH on all its work on files stalls, as with a disk that hangs, until
 * somebody opens the pipe for writing whose name has the process's id in it (see hung-disk.ts).
 */
const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4)

process.on('SIGWINCH', () => {
  for (let thread = 0; thread < threads; thread++) {
    open(`${process.env.STALL_PIPES}-${process.pid}`, 'r', (_error, descriptor) => { if (descriptor !== undefined) closeSync(descriptor) })
  }
})
