import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { endChildren } from '../children.ts'
import { Client } from '../client/client.ts'
import { startChangewell } from '../contenders/changewell.ts'
import { mainThreadSeconds, processorSeconds } from '../measure/processor-time.ts'
import { summarise, type CpuProfile, type Share } from '../profile/cpu-profile.ts'
import { shown } from '../report/numbers.ts'
import { dataFolder, keys, value } from './house.ts'
import type { SuiteOptions } from './suite.ts'

const connections = 64
const warmupSeconds = 2
const functionsShown = 40

/** Where the time goes while a node takes writes: by part and by function, from V8's own profile of its main thread. */
export async function profile ({ dist, quick, say }: SuiteOptions): Promise<void> {
  const folder = await dataFolder()
  try {
    const node = await startChangewell({
      dist,
      dataDir: join(folder, 'changewell'),
      nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=500'],
    })
    const requests = keys.map((key) => node.put(key, value))
    const { port, pid } = node
    const client = new Client()
    await client.load({ port, requests, connections, seconds: warmupSeconds, warmupSeconds: 0 })
    const seconds = quick ? 3 : 10
    const begun = { at: monotonicMicros(), all: await processorSeconds(pid), main: await mainThreadSeconds(pid) }
    const { perSecond, answers, p50Ms } = await client.load({ port, requests, connections, seconds, warmupSeconds: 0 })
    const ended = { at: monotonicMicros(), all: await processorSeconds(pid), main: await mainThreadSeconds(pid) }
    await node.stop()
    const { idle, parts, functions } = summarise(await readProfile(folder), begun.at, ended.at)
    const mainMicros = (ended.main - begun.main) / answers * 1e6
    const otherMicros = (ended.all - begun.all) / answers * 1e6 - mainMicros
    say(`# Profile of writes at ${connections} connections\n`)
    say(`${shown(perSecond)} writes a second while profiled, p50 ${shown(p50Ms)} ms; the main thread was idle ${percent(idle)} of the time. ` +
      `A write took ${shown(mainMicros)} µs of the main thread and ${shown(otherMicros)} µs of all others (disk, RocksDB, garbage collection).\n`)
    say(table('part', parts, mainMicros))
    say(table('function', functions.slice(0, functionsShown), mainMicros))
  } finally {
    await endChildren()
    await rm(folder, { recursive: true, force: true })
  }
}

/** The clock that V8 stamps its samples with, on Linux and macOS the same for all processes. */
function monotonicMicros (): number {
  return Number(process.hrtime.bigint() / 1000n)
}

async function readProfile (folder: string): Promise<CpuProfile> {
  const file = (await readdir(folder)).find((name) => name.endsWith('.cpuprofile'))
  if (file === undefined) throw new Error('the node left no profile')
  return JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile
}

function table (what: string, shares: Share[], mainMicros: number): string {
  const rows = shares.map(({ name, share }) => `| ${name} | ${percent(share)} | ${shown(share * mainMicros)} |`)
  return [`| ${what} | share of the main thread | µs a write |`, '| :-- | --: | --: |', ...rows].join('\n') + '\n'
}

function percent (share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
