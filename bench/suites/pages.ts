import type { Section } from '../measure/figure.ts'
import { loadFigure, processor, rate, underLoad } from '../measure/load-section.ts'
import { inRounds } from '../measure/rounds.ts'
import type { House } from './house.ts'

const connections = 8

/** Pages of the feed, from memory and from the disk. */
export async function pages (house: House): Promise<Section> {
  const { client, pace, changewell, changewellFromDisk, bare, etcd } = house
  const section: Section = {
    title: 'Feed pages',
    about: `Near the end of the feed, at ${connections} connections. From memory: the newest changes are kept there. ` +
      'From disk: of a node that keeps next to none. Bare Fastify serialises as many objects from its memory; ' +
      'etcd answers a range of as many keys, the nearest thing that it has.',
    figures: [],
  }
  for (const limit of [100, 1000]) {
    const neighbours = [bare, etcd].filter((contender) => contender !== null)
    const contenders = [changewell, changewellFromDisk, ...neighbours]
    const entrants = await Promise.all(contenders.map(async (contender) => underLoad(client, pace, contender, {
      connections, requests: [await contender.page(limit)],
    })))
    const samples = await inRounds(entrants, pace.rounds)
    for (const [{ name }, place] of [[changewell, 'memory'], [changewellFromDisk, 'disk']] as const) {
      const names = [name, ...neighbours.map((one) => one.name)]
      const beside = new Map(names.map((one) => [one, samples.get(one)!]))
      const title = `pages of ${limit} from ${place}`
      section.figures.push(
        loadFigure(title, beside, { ...rate('changes per second', limit), isCharted: true }),
        loadFigure(title, beside, { ...processor, isCharted: false }))
    }
  }
  return section
}
