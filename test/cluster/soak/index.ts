import { parseArgs } from 'node:util'
import type { Test } from 'tap'
import { Chance } from '../../simulation/chance.ts'
import { hangable } from '../../support/hung-disk.ts'
import { Clients, seed } from '../clients.ts'
import { Cluster } from '../cluster.ts'
import { faults } from './faults.ts'

/**
 * `npm run soak -- --minutes N [--seed S]`: three real nodes under load, one fault after another. After each the
 * histories of the clients are judged and the databases compared. The seed gives the order of faults; the rest is real,
 * and so never twice the same.
 */
const { values } = parseArgs({ options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string' } } })
const minutes = Number(values.minutes)
const soakSeed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed)
if (!(minutes > 0) || !Number.isInteger(soakSeed)) {
  process.stderr.write('npm run soak -- --minutes N [--seed S]: how long, and a whole number that gives the order of faults\n')
  process.exit(2)
}

interface Tally {
  rounds: number
  acknowledged: number
  unknown: number
  retriesMost: number
  pauseMs: number
}

const endings: (() => unknown)[] = []
/** What the tests' helpers want of a test: to be told what to do at its end, and to hear what holds. */
const stage = {
  teardown: (ending: () => unknown) => { endings.push(ending) },
  comment: () => {},
  ok: (holds: boolean, what: string) => { if (!holds) throw new Error(`it does not hold that ${what}`) },
} as unknown as Test

/** Little of the log is kept, so that snapshots are needed; and each node's disk can be made to hang. */
const environment = {
  ...hangable,
  CHANGEWELL_LOG_SEGMENT_BYTES: '65536',
  CHANGEWELL_FLUSH_LOG_BYTES: '262144',
  CHANGEWELL_DISK_SECONDS: '1',
}

const tallies = new Map<string, Tally>()
const begun = performance.now()
const minutesGone = (): number => (performance.now() - begun) / 60_000
process.stdout.write(`seed ${soakSeed}, ${minutes} minutes\n`)
try {
  await soak()
  process.stdout.write(`\n${report()}\nNothing was violated.\n`)
} catch (error) {
  const again = `npm run soak -- --minutes ${minutes} --seed ${soakSeed}`
  process.stdout.write(`\n${report()}\nFailed; again with the same faults: ${again}\n`)
  process.stderr.write(`${(error as Error).stack}\n`)
  process.exitCode = 1
} finally {
  for (const ending of endings.reverse()) await ending()
  // After a failure clients may still be asking.
  process.exit()
}

async function soak (): Promise<void> {
  const chance = new Chance(soakSeed)
  const cluster = await Cluster.start(stage, 3, environment)
  await seed(cluster.nodes[0]!)
  while (minutesGone() < minutes) {
    // Each fault once, in some order, before any comes again.
    for (const name of chance.shuffled(Object.keys(faults))) {
      if (minutesGone() >= minutes) return
      const clients = Clients.start(cluster, 4)
      await clients.acknowledged(20)
      await faults[name]!(cluster, clients, chance, stage)
      await clients.acknowledged(20)
      await clients.stop()
      await cluster.settled()
      const checksum = await cluster.checksum()
      await clients.check(stage)
      add(name, clients)
      process.stdout.write(`${minutesGone().toFixed(1)} min  ${name}: ${clients.count} writes, longest pause ` +
        `${Math.round(clients.pauseMs)} ms, checksum ${checksum}\n`)
    }
  }
}

function add (name: string, clients: Clients): void {
  const tally = tallies.get(name) ?? { rounds: 0, acknowledged: 0, unknown: 0, retriesMost: 0, pauseMs: 0 }
  tallies.set(name, {
    rounds: tally.rounds + 1,
    acknowledged: tally.acknowledged + clients.count,
    unknown: tally.unknown + clients.unknown,
    retriesMost: Math.max(tally.retriesMost, clients.retriesMost),
    pauseMs: Math.max(tally.pauseMs, clients.pauseMs),
  })
}

function report (): string {
  const rows = [...tallies].map(([name, { rounds, acknowledged, unknown, retriesMost, pauseMs }]) =>
    `| ${name} | ${rounds} | ${acknowledged} | ${unknown} | ${retriesMost} | ${Math.round(pauseMs)} |`)
  return ['| fault | rounds | writes acknowledged | outcomes unknown | most retries | longest pause in writes, ms |',
    '| --- | --: | --: | --: | --: | --: |', ...rows].join('\n')
}
