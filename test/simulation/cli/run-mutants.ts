import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mutants } from '../mutants/mutants.ts'
import { plant } from '../mutants/plant.ts'
import type { SeedsOptions } from './options.ts'
import { Workers } from './workers.ts'

const width = Math.max(...mutants.map(({ name }) => name.length))

/** Runs each mutant until a seed catches it. Returns the exit code: 1 when one survives. */
export async function runMutants ({ from, seeds, jobs }: SeedsOptions): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'changewell-mutants-'))
  const workers = new Workers(jobs)
  let survivors = 0
  try {
    process.stdout.write(`${'mutant'.padEnd(width)}  mistake  seeds  caught by\n`)
    for (const [at, mutant] of mutants.entries()) {
      const own = join(folder, String(at))
      await plant(mutant, own)
      const caught = await workers.run({ from, count: seeds, folder: own }, () => {})
      if (caught === null) survivors++
      const tried = caught === null ? seeds : caught.seed - from + 1
      const by = caught === null ? 'NOBODY: the simulator is too weak' : caught.violation!.invariant
      process.stdout.write(
        `${mutant.name.padEnd(width)}  ${String(mutant.mistake).padStart(7)}  ${String(tried).padStart(5)}  ${by}\n`)
    }
    process.stdout.write(`\n${mutants.length - survivors} of ${mutants.length} caught\n`)
    return survivors === 0 ? 0 : 1
  } finally {
    workers.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
