import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LockManager } from '../../plugins/locks/manager.ts'
import { modes } from '../../plugins/locks/modes.ts'
import { LockTable, type Hold } from '../../plugins/locks/table.ts'
import { Catalog } from '../../storage/catalog.ts'
import { endChildren } from '../children.ts'
import { Client } from '../client/client.ts'
import { startChangewell } from '../contenders/changewell.ts'
import type { Contender } from '../contenders/contender.ts'
import { underLoad, type LoadSample } from '../measure/load-section.ts'
import { describeMachine } from '../measure/machine.ts'
import { fullPace, quickPace } from '../measure/pace.ts'
import { median } from '../measure/quantile.ts'
import { inRounds } from '../measure/rounds.ts'
import { shown, times } from '../report/numbers.ts'
import { dataFolder, keys, value } from './house.ts'
import type { SuiteOptions } from './suite.ts'

const inFlight = 64
const connections = 64

/** What the locks of a write cost when nobody is in its way, and what is lost when everybody writes to one key. */
export async function locks ({ dist, quick, say }: SuiteOptions): Promise<void> {
  const alone = uncontended(quick ? 3 : 11, 100_000)
  const folder = await dataFolder()
  const client = new Client()
  try {
    const node = await startChangewell({ dist, dataDir: join(folder, 'changewell') })
    const pace = quick ? quickPace : fullPace
    const load = (name: string, names: string[]) => underLoad(client, pace, { ...node, name } as Contender, {
      connections, requests: names.map((key) => node.put(key, value)),
    })
    const entrants = [load('many keys', keys), load('8 keys', keys.slice(0, 8)), load('one key', keys.slice(0, 1))]
    // A node that has just started is compiled while it runs.
    for (const { measure } of entrants) await measure()
    const samples = await inRounds(entrants, pace.rounds)
    const page = [
      '# Locks', '',
      'Made by `npm run bench -- locks`. Taking and giving back all the locks of a put (tenant, collection, key) when nobody is ' +
      `in the way, one put at a time and with ${inFlight} in flight, beside setting and deleting one string in a Map, in time on the ` +
      'processors. The whole is what a leader does for a put: it finds which locks those are, takes them, and gives them back.', '',
      '| figure | processor µs, median (least to greatest) | times the Map, median (least to greatest) |', '| :-- | --: | --: |',
      ...alone, '',
      `Puts to one node over ${connections} connections that take turns with the keys, and with fewer keys, so that they wait for each other:`, '',
      '| keys | processor µs a put, median | of that with many keys, median (least to greatest) | puts a second | of the rate with many keys |',
      '| :-- | --: | --: | --: | --: |',
      ...[...samples].map(([name, list]) => row(name, list, samples.get('many keys')!)), '',
      'Taken on:', '', ...(await describeMachine(folder)).map((line) => `- ${line}`), '',
    ].join('\n')
    say(page)
    if (quick) return
    await mkdir('bench/results', { recursive: true })
    await writeFile('bench/results/locks.md', page)
    say('written to bench/results/locks.md')
  } finally {
    await endChildren()
    await rm(folder, { recursive: true, force: true })
  }
}

function row (name: string, list: LoadSample[], neighbours: LoadSample[]): string {
  const ratios = (of: (sample: LoadSample) => number): number[] => (
    list.map((one, round) => of(one) / of(neighbours[round]!)))
  const middle = (of: (sample: LoadSample) => number): string => shown(median(list.map(of)))
  const micros = (sample: LoadSample): number => sample.processorMicros
  const rate = (sample: LoadSample): number => sample.perSecond
  return `| ${name} | ${middle(micros)} | ${range(ratios(micros))} | ${middle(rate)} | ${range(ratios(rate))} |`
}

function range (ratios: number[]): string {
  return `${times(median(ratios))} (${spread(ratios)})`
}

function spread (values: number[]): string {
  return `${shown(Math.min(...values))} to ${shown(Math.max(...values))}`
}

/** The rows of the locks alone: no node, no requests. Processor time depends little on what else the machine does. */
function uncontended (rounds: number, count: number): string[] {
  const micros: Record<string, number[]> = {}
  const ways = waysToLock()
  for (let round = 0; round <= rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const before = process.cpuUsage()
      for (let at = 0; at < count; at++) way(at)
      const { user, system } = process.cpuUsage(before)
      // The first round is for the compiler.
      if (round > 0) (micros[name] ??= []).push((user + system) / count)
    }
  }
  return Object.entries(micros).map(([name, list]) => (
    `| ${name} | ${shown(median(list))} (${spread(list)}) | ${range(list.map((one, round) => one / micros.Map![round]!))} |`))
}

/** Each with a table of its own, so that none finds what another holds. */
function waysToLock (): Record<string, (at: number) => void> {
  const map = new Map<string, number>()
  const name = (at: number): string => keys[at % keys.length]!
  const inTable = (): [enter: (at: number) => Hold<number>, leave: (hold: Hold<number>) => void] => {
    const table = new LockTable<number>()
    return [
      (at) => table.enter([{ tenant: ['bench'], collection: 'values', key: name(at), mode: modes.X }], at, () => {}),
      (hold) => { table.leave(hold) },
    ]
  }
  const [enter, leave] = inTable()
  const enterWhole = inManager()
  return {
    Map (at) {
      map.set(name(at), at)
      map.delete(name(at))
    },
    'in the table, one at a time': (at) => { leave(enter(at)) },
    [`in the table, ${inFlight} in flight`]: inTurns(inFlight, ...inTable()),
    'the whole, one at a time': (at) => { enterWhole(at)() },
    [`the whole, ${inFlight} in flight`]: inTurns(inFlight, inManager(), (giveBack) => { giveBack() }),
  }
}

/** Takes the locks of a put, and returns what gives them back. */
function inManager (): (at: number) => () => void {
  const catalog = new Catalog()
  catalog.mutate({ kind: 'tenant', id: 1, row: { id: 1, parent: 0, segment: 'bench', revision: 1 } })
  const manager = new LockManager({ catalog: () => catalog, waitSeconds: 10, waitersMax: inFlight })
  const proposals = keys.map((key) => (
    { kind: 'write' as const, compare: [], then: [{ type: 'put' as const, tenant: 'bench', collection: 'values', key }] }))
  return (at) => {
    let giveBack: (() => void) | undefined
    manager.acquire({
      proposal: proposals[at % keys.length]!,
      request: 'bench',
      enter (leave) { giveBack = leave },
      refuse (problem) { throw problem ?? new Error('refused') },
    })
    return giveBack!
  }
}

/** Each enters as the one leaves that entered so many before it. */
function inTurns<Item> (many: number, enter: (at: number) => Item, leave: (item: Item) => void): (at: number) => void {
  const ring: Item[] = []
  let place = 0
  return (at) => {
    if (ring.length < many) return void ring.push(enter(at))
    leave(ring[place]!)
    ring[place] = enter(at)
    place = (place + 1) % many
  }
}
