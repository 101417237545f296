import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { shown } from '../report/numbers.ts'
import { summarise, type CpuProfile, type Share } from './cpu-profile.ts'
import { threadTimes, type ThreadTimes } from '../measure/processor-time.ts'

const functionsShown = 40

/** A process that runs under V8's profiler, and the folder that it leaves its profile in when it ends. */
export interface Profiled {
  title: string
  pid: number
  folder: string
}

/** A stretch of time, by the process and by the profile. */
interface Stretch {
  from: number
  to: number
  before: ThreadTimes[]
  after: ThreadTimes[]
  answers: number
}

/** Arguments for Node that make a process leave a profile in the folder. */
export function profilingArgs (folder: string): string[] {
  return ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=500']
}

/** Does the work, and notes what the processes' threads spent meanwhile. `work` resolves to the number of answers. */
export async function stretch (processes: Profiled[], work: () => Promise<number>): Promise<Stretch> {
  const before = await Promise.all(processes.map(({ pid }) => threadTimes(pid)))
  const from = monotonicMicros()
  const answers = await work()
  const to = monotonicMicros()
  return { from, to, before, after: await Promise.all(processes.map(({ pid }) => threadTimes(pid))), answers }
}

/** What each process spent on an answer, as text: its main thread by part and by function. They must have ended. */
export async function describe (processes: Profiled[], { from, to, before, after, answers }: Stretch): Promise<string> {
  const texts: string[] = []
  for (const [at, { title, folder }] of processes.entries()) {
    const { idle, parts, functions } = summarise(await readProfile(folder), from, to)
    const spent = (of: keyof ThreadTimes): number => (after[at]![of] - before[at]![of]) / answers
    const mainMicros = spent('mainSeconds') * 1e6
    texts.push(`## ${title}\n`,
      `Its main thread was idle ${percent(idle)} of the time. A write took ${shown(mainMicros)} µs of the main thread and ` +
      `${shown(spent('otherSeconds') * 1e6)} µs of all others (disk, RocksDB, garbage collection); threads went to sleep ` +
      `${shown(spent('waits'))} times for it.\n`,
      table('part', parts, mainMicros), table('function', functions.slice(0, functionsShown), mainMicros))
  }
  return texts.join('\n')
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
