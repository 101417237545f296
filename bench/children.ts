import { spawn, type ChildProcess, type SerializationType, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** How long a child may take to end by itself when asked to. */
const graceMs = 10_000

/** How long a server may take until it says where it listens. */
const startMs = 30_000

const running = new Set<ChildProcess>()
let isInterrupted = false

export interface ChildOptions {
  /** The child's whole environment: nothing is inherited, so that a run does not depend on who starts it. */
  env?: Record<string, string>
  cwd?: string
  stdio?: StdioOptions
  serialization?: SerializationType
}

/** Starts a program. `endChildren` ends it at the latest. */
export function startChild (command: string, args: string[], options: ChildOptions = {}): ChildProcess {
  if (isInterrupted) throw new Error('interrupted')
  const child = spawn(command, args, { env: {}, stdio: ['ignore', 'pipe', 'pipe'], ...options })
  running.add(child)
  child.once('exit', () => running.delete(child))
  child.once('error', () => running.delete(child))
  return child
}

/** Starts a TypeScript file of the project in a Node process of its own, with a channel for messages. */
export function startNode (args: string[]): ChildProcess {
  return startChild(process.execPath, ['--import=tsx', ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced',
  })
}

/** Asks the child to end, waits, and ends it by force when it does not. */
export async function endChild (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = once(child, 'exit')
  const force = setTimeout(() => child.kill('SIGKILL'), graceMs)
  child.kill('SIGTERM')
  await exited
  clearTimeout(force)
}

/** Ends all that still run: for the way out, whatever led there. */
export async function endChildren (): Promise<void> {
  await Promise.all([...running].map(endChild))
}

/**
 * Does a program's work in children, which end before it does. A signal ends them too: the work then fails at whatever
 * it was doing, and cleans up as after any other failure.
 */
export async function runWithChildren (work: () => Promise<number>): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // Not once: npm and the shell may both pass on the same Ctrl-C, and the second must not cut the cleaning short.
    process.on(signal, () => {
      isInterrupted = true
      void endChildren()
    })
  }
  try {
    process.exitCode = await work()
  } catch (error) {
    if (!isInterrupted) throw error
    process.exitCode = 130
  } finally {
    await endChildren()
  }
}

/**
 * The first match in what a child prints. Its output is read on to the end, so that a full pipe never holds it up.
 *
 * @throws Error with what it printed when it ends first or takes longer than half a minute.
 */
export async function waitForLine (child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  const printed: string[] = []
  const found = new Promise<RegExpExecArray>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue
      createInterface({ input: stream as Readable }).on('line', (line) => {
        if (printed.length < 100) printed.push(line)
        const match = pattern.exec(line)
        if (match !== null) resolve(match)
      })
    }
  })
  const failed = new Promise<never>((_resolve, reject) => {
    const fail = (reason: string): void => {
      reject(new Error(`${child.spawnargs.join(' ')} ${reason}:\n${printed.join('\n')}`))
    }
    child.once('error', (error) => fail(`did not start (${error.message})`))
    child.once('exit', (code, signal) => fail(`ended with ${signal ?? code}`))
    setTimeout(() => fail(`did not print ${String(pattern)} in time`), startMs).unref()
  })
  return await Promise.race([found, failed])
}

/** A port that nobody listens on at this moment. */
export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
