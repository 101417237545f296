import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startChangewell } from '../contenders/changewell.ts'
import type { Contender } from '../contenders/contender.ts'
import { startEtcd } from '../contenders/etcd.ts'
import type { Figure, Section } from '../measure/figure.ts'
import { inRounds } from '../measure/rounds.ts'
import { fill, type House } from './house.ts'

interface Kind {
  name: string
  start: (dataDir: string) => Promise<Contender | null>
}

/** From the start of a process until it has answered its first requests, without data and with some. */
export async function starts (house: House, dist: string): Promise<Section> {
  const kinds: Kind[] = [{ name: 'Changewell', start: (dataDir) => startChangewell({ dist, dataDir }) }]
  if (house.etcd !== null) kinds.push({ name: 'etcd', start: startEtcd })
  const folderOf = (kind: Kind, what: string): string => join(house.folder, `starts-${what}-${kind.name}`)
  for (const kind of kinds) {
    const filled = await kind.start(folderOf(kind, 'filled'))
    await fill(house.client, [filled], 1)
    await filled!.stop()
  }
  return {
    title: 'Starts',
    about: 'From the start of the process until it serves: its folder is new, or holds 10,000 keys. Changewell has made or found ' +
      'a tenant and a collection by then.',
    figures: [
      await figure('start in a new folder', house, kinds, async (kind) => {
        const folder = folderOf(kind, 'new')
        await rm(folder, { recursive: true, force: true })
        return folder
      }),
      await figure('start with 10,000 keys', house, kinds, async (kind) => folderOf(kind, 'filled')),
    ],
  }
}

async function figure (
  title: string, { pace }: House, kinds: Kind[], prepare: (kind: Kind) => Promise<string>
): Promise<Figure> {
  const samples = await inRounds(kinds.map((kind) => ({
    name: kind.name,
    async measure () {
      const folder = await prepare(kind)
      const begun = performance.now()
      const contender = await kind.start(folder)
      const milliseconds = performance.now() - begun
      await contender!.stop()
      return milliseconds
    },
  })), pace.rounds)
  const [subject, ...neighbours] = [...samples].map(([name, values]) => ({ name, values }))
  return { title, unit: 'ms', better: 'lower', subject: subject!.values, neighbours, isCharted: false }
}
