import type { Section } from '../measure/figure.ts'
import { allProcessors, loadFigure, p50, p99, processor, rate, underLoad } from '../measure/load-section.ts'
import { inRounds } from '../measure/rounds.ts'
import { contendersOf, keys, value, type House } from './house.ts'

/** Durable writes of 200 bytes to keys in turn. */
export async function writes (house: House): Promise<Section> {
  const { client, pace, bare } = house
  const section: Section = {
    title: 'Durable writes',
    about: `A put of ${Buffer.byteLength(value)} bytes to one of ${keys.length.toLocaleString('en-GB')} keys, answered when it is on the disk.${
      bare === null ? '' : ' Bare Fastify parses the same body and answers it.'}`,
    figures: [],
  }
  const contenders = contendersOf(house)
  for (const connections of [1, 64, 256]) {
    const samples = await inRounds(contenders.map((contender) => underLoad(client, pace, contender, {
      connections, requests: keys.map((key) => contender.put(key, value)),
    })), pace.rounds)
    const title = `${connections} connection${connections === 1 ? '' : 's'}`
    section.figures.push(
      loadFigure(`writes, ${title}`, samples, { ...rate('per second'), isCharted: true }),
      loadFigure(`writes, ${title}`, samples, { ...p50, isCharted: false }),
      loadFigure(`writes, ${title}`, samples, { ...p99, isCharted: false }),
      loadFigure(`writes, ${title}`, samples, { ...processor, isCharted: false }))
    if (bare === null) section.figures.push(loadFigure(`writes, ${title}`, samples, { ...allProcessors, isCharted: false }))
  }
  return section
}
