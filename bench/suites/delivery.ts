import type { Contender } from '../contenders/contender.ts'
import type { Figure, Section } from '../measure/figure.ts'
import { quantile } from '../measure/quantile.ts'
import { inRounds, type Entrant } from '../measure/rounds.ts'
import { contendersOf, value, type House } from './house.ts'

/** Time for a long poll to come back, and for a server to end what the last write left. */
const pauseMs = 20

/** From the sending of a write to its arrival at the last of those who wait for it. */
export async function delivery (house: House): Promise<Section> {
  const section: Section = {
    title: 'From a write to its readers',
    about: 'From the sending of a write of 200 bytes until the last reader has it, while nothing else happens. ' +
      `${house.bare === null ? '' : 'Bare Fastify passes the value on to open streams without storing it; '}etcd has a watch.`,
    figures: [],
  }
  const { changewell } = house
  const contenders = contendersOf(house)
  for (const watchers of [1, 100]) {
    const entrants = contenders.flatMap((contender) => Object.keys(contender.watches)
      .map((watch) => delivered(house, contender, watch, watchers)))
    const samples = await inRounds(entrants, house.pace.rounds)
    for (const watch of Object.keys(changewell.watches)) {
      const neighbours = entrants.filter(({ name }) => !name.startsWith(changewell.name))
      const figure = (share: number): Omit<Figure, 'title' | 'unit' | 'isCharted'> => ({
        better: 'lower',
        subject: samples.get(`${changewell.name}, ${watch}`)!.map((list) => quantile(list, share)),
        neighbours: neighbours.map(({ name }) => (
          { name: name.split(',')[0]!, values: samples.get(name)!.map((list) => quantile(list, share)) })),
      })
      const title = `to ${watchers} × ${watch}`
      section.figures.push(
        { title, unit: 'p50 ms', isCharted: true, ...figure(0.5) },
        { title, unit: 'p99 ms', isCharted: false, ...figure(0.99) })
    }
  }
  return section
}

let written = 0

function delivered ({ client, pace }: House, contender: Contender, watch: string, watchers: number): Entrant<number[]> {
  const { name, port, put, sign, watches } = contender
  return {
    name: `${name}, ${watch}`,
    async measure () {
      const keys = Array.from({ length: pace.deliveries }, () => `delivery-${written++}`)
      const { lastMs } = await client.deliver({
        port,
        watchers,
        pauseMs,
        watch: watches[watch]!,
        writes: keys.map((key) => put(key, value)),
        signs: keys.map(sign),
      })
      return lastMs.sort((a, b) => a - b)
    },
  }
}
