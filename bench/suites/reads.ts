import type { Contender } from '../contenders/contender.ts'
import type { Section } from '../measure/figure.ts'
import { loadFigure, p50, p99, processor, rate, underLoad } from '../measure/load-section.ts'
import { inRounds } from '../measure/rounds.ts'
import { contendersOf, keys, type House } from './house.ts'

/** Reads of one key, linearizable and local, of the keys that the writes have left. */
export async function reads (house: House): Promise<Section> {
  const section: Section = {
    title: 'Reads of a key',
    about: 'Of the keys that the writes left. Linearizable, and from the node\'s own copy (`consistency=local`; etcd: ' +
      `\`serializable\`).${house.bare === null ? '' : ' Bare Fastify answers with an object from its memory.'}`,
    figures: [],
  }
  const kinds = [
    { title: 'linearizable', connections: 1, request: (contender: Contender, key: string) => contender.get(key) },
    { title: 'linearizable', connections: 64, request: (contender: Contender, key: string) => contender.get(key) },
    { title: 'local', connections: 64, request: ({ getLocal, get }: Contender, key: string) => (getLocal ?? get)(key) },
  ]
  for (const { title, connections, request } of kinds) {
    const { client, pace } = house
    const contenders = contendersOf(house)
    const samples = await inRounds(contenders.map((contender) => underLoad(client, pace, contender, {
      connections, requests: keys.map((key) => request(contender, key)),
    })), pace.rounds)
    const name = `${title} reads, ${connections} connection${connections === 1 ? '' : 's'}`
    section.figures.push(
      loadFigure(name, samples, { ...rate('per second'), isCharted: true }),
      loadFigure(name, samples, { ...p50, isCharted: false }),
      loadFigure(name, samples, { ...p99, isCharted: false }),
      loadFigure(name, samples, { ...processor, isCharted: false }))
  }
  return section
}
