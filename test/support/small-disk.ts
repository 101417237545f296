import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Environment } from '../../app/read-settings.ts'
import { folder } from './node.ts'

export interface SmallDisk {
  path: string
  /** What a node is to be told that has its data there. */
  environment: Environment
  /** Whether it can be filled to its last byte; else only to below the room that the node keeps. */
  isReal: boolean
  fill (): void
  free (): void
}

const MiB = 1024 * 1024

/** Its size, and the room on it that a node keeps. */
const bytes = 96 * MiB
const reserveBytes = 8 * MiB

/**
 * A disk that a test can fill: a tmpfs in a namespace of its own, which goes with the test. Where that is not allowed
 * it is a folder, and filling it takes so much that the node finds less room than it is to keep.
 */
export async function smallDisk (t: Test): Promise<SmallDisk> {
  const directory = folder(t)
  const mounted = await mount(t, directory)
  if (mounted === null) return onThisDisk(directory)
  return {
    path: mounted,
    environment: { CHANGEWELL_DISK_FREE_BYTES_MIN: String(reserveBytes) },
    isReal: true,
    fill: () => fill(join(mounted, 'ballast')),
    free: () => rmSync(join(mounted, 'ballast'), { force: true }),
  }
}

/** Where others see the disk of that namespace; null when this user may not have one. */
async function mount (t: Test, directory: string): Promise<string | null> {
  const script = `mount -t tmpfs -o size=${bytes} none '${directory}' && echo mounted && exec sleep 1000000`
  const holder = spawn('unshare', ['--mount', '--map-root-user', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(holder, 'close').catch(() => {})
  t.teardown(async () => {
    holder.kill('SIGKILL')
    await ended
  })
  const isMounted = await Promise.race([once(holder.stdout, 'data').then(() => true), ended.then(() => false)])
  return isMounted ? `/proc/${holder.pid}/root${directory}` : null
}

function fill (path: string): void {
  const file = openSync(path, 'w')
  try {
    // Smaller and smaller pieces, until not one byte more goes on it.
    for (let piece = Buffer.alloc(MiB); piece.length > 0;) {
      try {
        writeSync(file, piece)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        piece = piece.subarray(0, Math.floor(piece.length / 2))
      }
    }
  } finally {
    closeSync(file)
  }
}

function onThisDisk (directory: string): SmallDisk {
  const { bavail, bsize } = statfsSync(directory)
  const ballast = join(directory, 'ballast')
  const keep = Math.max(0, bavail * bsize - 512 * MiB)
  return {
    path: join(directory, 'data'),
    environment: { CHANGEWELL_DISK_FREE_BYTES_MIN: String(keep) },
    isReal: false,
    fill: () => { execFileSync('fallocate', ['-l', String(1024 * MiB), ballast]) },
    free: () => rmSync(ballast, { force: true }),
  }
}
