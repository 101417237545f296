import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { FastifyInstance } from 'fastify'
import pino from 'pino'
import type { Test } from 'tap'
import { loadConfig, type Config } from '../../app/config.ts'
import type { Environment } from '../../app/read-settings.ts'
import { buildServer } from '../../app/server.ts'
import { program } from './build.ts'
import { project } from './project.ts'

/** A folder that goes when the test ends, after what was built in it later has closed. */
export function folder (t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'changewell-test-'))
  t.teardown(() => { rmSync(path, { recursive: true, force: true }) })
  return path
}

/**
 * A node in this process, for `app.inject`. Its data is in a folder of its own unless `dataDir` names one, and it is
 * closed when the test ends; a test that closes it earlier may.
 */
export async function buildNode (t: Test, overrides: Partial<Config> = {}): Promise<FastifyInstance> {
  const dataDir = overrides.dataDir ?? folder(t)
  const config: Config = { ...loadConfig({}), logLevel: 'silent', ...overrides, dataDir }
  const app = await buildServer(config, pino({ level: config.logLevel }))
  t.teardown(() => app.close())
  return app
}

export interface ListeningNode {
  app: FastifyInstance
  url: string
}

/** A node in this process that listens on a free port of the loopback. */
export async function listeningNode (t: Test, overrides: Partial<Config> = {}): Promise<ListeningNode> {
  const app = await buildNode(t, overrides)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` }
}

export interface NodeProcess {
  readonly child: ChildProcess
  /** The base URL; rejects, with what the process said, when it ends before it listens. */
  readonly listening: Promise<string>
  readonly ended: Promise<{ code: number | null, signal: NodeJS.Signals | null }>
  /** The newest lines of standard output and standard error. */
  readonly lines: string[]
  /** Sends the signal and resolves when the process is gone. */
  kill (signal: NodeJS.Signals): Promise<void>
}

export interface RunningNode extends NodeProcess {
  readonly url: string
}

export interface NodeProcessOptions {
  /** Options of Node.js itself. */
  nodeArgs?: string[]
  /** A program that becomes the node, such as one that enters a namespace. */
  through?: string[]
}

const linesMax = 200

/** Starts `changewell serve` in a process of its own, which is killed when the test ends, and does not wait for it. */
export function spawnNode (
  t: Test, environment: Environment = {}, { nodeArgs = [], through = [] }: NodeProcessOptions = {}
): NodeProcess {
  const variables: Environment = {
    ...withoutSettings(process.env), CHANGEWELL_PORT: '0', CHANGEWELL_PEER_PORT: '0', CHANGEWELL_LOG_FORMAT: 'json', ...environment,
  }
  variables.CHANGEWELL_DATA_DIR ??= folder(t)
  const [first = '', ...args] = [...through, process.execPath, ...nodeArgs, program(), 'serve']
  const child = spawn(first, args, {
    env: variables, cwd: project, stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<{ code: number | null, signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => { resolve({ code, signal }) })
  })
  const lines: string[] = []
  const listening = new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line)
        if (lines.length > linesMax) lines.shift()
        const url = /https?:\/\/[0-9a-z.:[\]]+:[0-9]+/.exec(line)?.[0]
        if (url !== undefined) resolve(url)
      })
    }
    void ended.then(({ code, signal }) => {
      reject(new Error(`the node ended (${code ?? signal}) before it listened:\n${lines.join('\n')}`))
    })
  })
  // Whoever does not wait for the URL is not to fail because it never came.
  listening.catch(() => {})
  const node: NodeProcess = {
    child,
    listening,
    ended,
    lines,
    async kill (signal) {
      child.kill(signal)
      await ended
    },
  }
  t.teardown(() => node.kill('SIGKILL'))
  return node
}

/** Starts `changewell serve` in a process of its own and resolves when it listens. */
export async function startProcess (
  t: Test, environment: Environment = {}, options: NodeProcessOptions = {}
): Promise<RunningNode> {
  const node = spawnNode(t, environment, options)
  return { ...node, url: await node.listening }
}

/** Resolves when the condition holds; rejects when it does not within the seconds. */
export async function until (condition: () => boolean | Promise<boolean>, what: string, seconds = 30): Promise<void> {
  const deadline = performance.now() + seconds * 1000
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${seconds} seconds for ${what}`)
    await new Promise((resolve) => { setTimeout(resolve, 5) })
  }
}

/** The settings of whoever runs the tests are not those of the nodes under test. */
function withoutSettings (environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('CHANGEWELL_')))
}
