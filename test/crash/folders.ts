import { cpSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { Config } from '../../app/config.ts'
import { buildNode, folder, until } from '../support/node.ts'
import { verifyStore } from '../support/verify.ts'

/** With these the log is rolled over, flushed and cut every few writes. */
export const small = { logSegmentBytes: 64 * 1024, flushLogBytes: 64 * 1024 }

export interface Started {
  app: FastifyInstance
  dataDir: string
  /** Copies the data folder as it is when nothing works on it: as a kill would leave it. */
  copy: () => Promise<string>
}

/** Starts a node in a folder of its own. */
export async function start (t: Test, overrides: Partial<Config> = {}): Promise<Started> {
  const dataDir = folder(t)
  const app = await buildNode(t, { ...overrides, dataDir })
  const flush = app.database.flush.bind(app.database)
  let flushing = 0
  app.database.flush = async () => {
    flushing++
    try {
      return await flush()
    } finally {
      flushing--
    }
  }
  async function copy (): Promise<string> {
    await until(() => flushing === 0 && segments(dataDir).length <= 2, 'the folder to be quiet')
    return stillCopyOf(t, dataDir)
  }
  return { app, dataDir, copy }
}

/** Starts a node on the folder and sees that it has all that was written, agrees with itself, and takes writes. */
export async function assertRecovers (
  t: Test, dataDir: string, written: string[], what: string
): Promise<FastifyInstance> {
  const app = await buildNode(t, { dataDir })
  const found = await feedOf(app)
  t.ok(found.length === written.length && found.every((text, at) => text === written[at]),
    `${what}: ${found.length} of ${written.length} changes`)
  await verifyStore(app.database.store)
  const { statusCode } = await app.inject({ method: 'POST', url: '/changes', payload: { data: 'after' } })
  t.equal(statusCode, 201, `${what}: it takes writes`)
  await app.close()
  return app
}

/** The whole feed, as the text of each change. */
export async function feedOf (app: FastifyInstance): Promise<string[]> {
  const { changes } = (await app.inject('/changes?limit=10000')).json<{ changes: object[] }>()
  return changes.map((change) => JSON.stringify(change))
}

/** Writes until the log's first segment is gone. */
export async function writeUntilCut (app: FastifyInstance, dataDir: string): Promise<void> {
  const first = segments(dataDir)[0]
  for (let at = 0; segments(dataDir)[0] === first; at++) {
    if (at === 1000) throw new Error('the log is never cut')
    await app.inject({ method: 'POST', url: '/changes', payload: { data: 'x'.repeat(10_000) } })
  }
}

/** The files of the log, the first one first. */
export function segments (dataDir: string): string[] {
  return readdirSync(join(dataDir, 'log')).filter((name) => name.endsWith('.log')).sort()
}

export function copyOf (t: Test, dataDir: string): string {
  const copy = folder(t)
  cpSync(dataDir, copy, { recursive: true })
  return copy
}

/**
 * A copy of a folder that a node has open. RocksDB compacts on threads of its own, and could take away a file while its
 * folder is read: a copy counts when the files and their sizes are the same after it as before.
 */
export async function stillCopyOf (t: Test, dataDir: string): Promise<string> {
  let copy: string | null = null
  await until(() => {
    try {
      const before = sizesIn(dataDir)
      const made = copyOf(t, dataDir)
      if (sizesIn(dataDir) === before) copy = made
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    return copy !== null
  }, 'RocksDB to leave its files alone')
  return copy!
}

function sizesIn (dataDir: string): string {
  const names = readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).sort()
  return names.map((name) => `${name} ${statSync(join(dataDir, name)).size}`).join('\n')
}

/** Puts a part of another data folder in the place of this one's. */
export function replace (dataDir: string, part: 'db' | 'log', from: string): void {
  rmSync(join(dataDir, part), { recursive: true, force: true })
  cpSync(join(from, part), join(dataDir, part), { recursive: true })
}

/** The newest file of RocksDB's own log, as a path in the data folder. */
export function databaseLog (dataDir: string): { path: string, bytes: number } {
  const name = readdirSync(join(dataDir, 'db')).filter((file) => /^[0-9]+\.log$/.test(file)).sort().at(-1)!
  return { path: join('db', name), bytes: statSync(join(dataDir, 'db', name)).size }
}
