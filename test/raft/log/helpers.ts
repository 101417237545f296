import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { HardState, LogEntry, LogEvent } from '../../../plugins/raft/log/index.ts'
import { Log } from '../../../plugins/raft/log/index.ts'

/** Where tests that open a log thousands of times work: in memory where there is such a folder. */
const memoryDirectory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A folder that goes when the test ends. */
export function folder (t: Test, where: 'disk' | 'memory' = 'disk'): string {
  const path = mkdtempSync(join(where === 'memory' ? memoryDirectory : tmpdir(), 'changewell-log-'))
  t.teardown(() => { rmSync(path, { recursive: true, force: true }) })
  return path
}

interface Sizes {
  segmentBytes?: number
  cacheBytes?: number
}

export interface Opened {
  log: Log
  events: LogEvent[]
  count: (type: LogEvent['type']) => number
}

/** A log that is closed when the test ends, and what it told. */
export async function openLog (t: Test, directory: string, options: Sizes = {}): Promise<Opened> {
  const events: LogEvent[] = []
  const log = await Log.open({ directory, segmentBytes: 4096, ...options, onEvent: (event) => { events.push(event) } })
  t.teardown(() => log.close())
  return { log, events, count: (type) => events.filter((event) => event.type === type).length }
}

/** An entry whose data tells which one it is. */
export function entry (index: number, term = 1, dataBytes = 40): LogEntry {
  const text = `${index}/${term} `.repeat(dataBytes)
  return { index, term, type: index % 2, data: Buffer.from(text.slice(0, dataBytes)) }
}

/** Entries `from` to `to`, both included. */
export function entriesOf (from: number, to: number, term = 1, dataBytes = 40): LogEntry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => entry(from + i, term, dataBytes))
}

/** All that the log holds, through as many reads as it takes. */
export async function readAll (log: Log, bytesMax = 1000): Promise<LogEntry[]> {
  const all: LogEntry[] = []
  for (let next = log.firstIndex; next <= log.lastIndex; next = log.firstIndex + all.length) {
    all.push(...await log.entries(next, log.lastIndex + 1, bytesMax))
  }
  return all
}

export interface State {
  compacted: { index: number, term: number }
  hardState: HardState
  entries: string[]
}

/** What the log holds as a value to compare. */
export async function stateOf (log: Log): Promise<State> {
  const { compacted, hardState } = log
  return { compacted, hardState, entries: (await readAll(log)).map(textOf) }
}

export function textOf ({ index, term, type, data }: LogEntry): string {
  return `${index} ${term} ${type} ${data.toString('latin1')}`
}

export function segmentFiles (directory: string): string[] {
  return readdirSync(directory).filter((name) => name.endsWith('.log')).sort().map((name) => join(directory, name))
}

/** Resolves when the condition holds; rejects when it does not within ten seconds. */
export async function until (condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited too long for ${what}`)
    await new Promise((resolve) => { setTimeout(resolve, 5) })
  }
}

export interface Child {
  process: ChildProcessByStdio<Writable, Readable, null>
  /** The next line that it prints; rejects when it ends or takes a minute. */
  line (): Promise<string>
  ended: Promise<number | null>
}

/** Starts a script of this folder in a process of its own, within a shell line that has `"$@"` for it. */
export function startChild (t: Test, script: string, args: string[], shell = 'exec "$@"'): Child {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const command = [process.execPath, '--import', import.meta.resolve('tsx'), path, ...args]
  const child = spawn('/bin/sh', ['-c', shell, 'sh', ...command], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => { child.once('close', resolve) })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const timer = setTimeout(() => { child.kill('SIGKILL') }, 60_000)
  t.teardown(async () => {
    clearTimeout(timer)
    child.kill('SIGKILL')
    await ended
  })
  return {
    process: child,
    ended,
    async line () {
      const { value, done } = await lines.next()
      if (done === true) throw new Error(`${script} ended`)
      return value
    },
  }
}
