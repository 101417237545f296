import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { modes } from '../../plugins/locks/modes.ts'
import { LockTable, type Hold } from '../../plugins/locks/table.ts'
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
  const alone = inTable(quick ? 3 : 10, quick ? 100_000 : 500_000)
  const folder = await dataFolder()
  const client = new Client()
  try {
    const node = await startChangewell({ dist, dataDir: join(folder, 'changewell') })
    const pace = quick ? quickPace : fullPace
    const load = (name: string, names: string[]) => underLoad(client, pace, { ...node, name } as Contender, {
      connections, requests: names.map((key) => node.put(key, value)),
    })
    const samples = await inRounds([
      load('many keys', keys), load('8 keys', keys.slice(0, 8)), load('one key', keys.slice(0, 1)),
    ], pace.rounds)
    const page = [
      '# Locks', '',
      'Made by `npm run bench -- locks`. Taking and giving back the locks of a put (tenant, collection, key) when nobody is in ' +
      `the way, one at a time and with ${inFlight} others in flight, beside setting and deleting one string in a Map:`, '',
      '| figure | nanoseconds, median | times the Map, median (least to greatest) |', '| :-- | --: | --: |',
      ...alone, '',
      `Puts to one node over ${connections} connections that take turns with the keys, and with fewer keys, so that they wait for each other:`, '',
      '| keys | puts a second | p50 ms | p99 ms | of the rate with many keys, median (least to greatest) |', '| :-- | --: | --: | --: | --: |',
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
  const ratios = list.map(({ perSecond }, round) => perSecond / neighbours[round]!.perSecond)
  const middle = (of: (sample: LoadSample) => number): string => shown(median(list.map(of)))
  return `| ${name} | ${middle(({ perSecond }) => perSecond)} | ${middle(({ p50Ms }) => p50Ms)} | ${middle(({ p99Ms }) => p99Ms)} | ` +
    `${range(ratios)} |`
}

function range (ratios: number[]): string {
  return `${times(median(ratios))} (${shown(Math.min(...ratios))} to ${shown(Math.max(...ratios))})`
}

/** The rows of the table alone: no node, no requests. */
function inTable (rounds: number, count: number): string[] {
  const table = new LockTable<number>()
  const map = new Map<string, number>()
  const granted = (): void => {}
  const enter = (at: number): Hold<number> => (
    table.enter([{ tenant: ['bench'], collection: 'values', key: keys[at % keys.length]!, mode: modes.X }], at, granted))
  const ways: Record<string, (at: number) => void> = {
    Map: (at) => {
      const key = keys[at % keys.length]!
      map.set(key, at)
      map.delete(key)
    },
    'one at a time': (at) => { table.leave(enter(at)) },
    [`${inFlight} in flight`]: inTurns(inFlight, enter, (hold) => { table.leave(hold) }),
  }
  const nanos: Record<string, number[]> = {}
  for (let round = 0; round <= rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const begun = performance.now()
      for (let at = 0; at < count; at++) way(at)
      // The first round is for the compiler.
      if (round > 0) (nanos[name] ??= []).push((performance.now() - begun) / count * 1e6)
    }
  }
  return Object.entries(nanos).map(([name, list]) => (
    `| ${name} | ${shown(median(list))} | ${range(list.map((one, round) => one / nanos.Map![round]!))} |`))
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
