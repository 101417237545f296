import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { mutants } from './mutants/mutants.ts'
import { plant } from './mutants/plant.ts'
import { loadProduct } from './product.ts'
import { simulate } from './simulation.ts'

/** After the seed that is known to catch a mutant, others are tried: any change of the code changes all runs. */
const moreSeeds = 2000

const folder = await mkdtemp(join(tmpdir(), 'changewell-mutants-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))

for (const [at, mutant] of mutants.entries()) {
  t.test(`the simulator catches mistake ${mutant.mistake}: ${mutant.name}`, async (t) => {
    const own = join(folder, String(at))
    await plant(mutant, own)
    const product = await loadProduct(own)
    const seeds = [mutant.seed, ...Array.from({ length: moreSeeds }, (_, more) => more + 1)]
    for (const seed of seeds) {
      const { violation } = await simulate(seed, { product })
      if (violation === null) continue
      t.pass(`seed ${seed}: ${violation.invariant}`)
      return
    }
    t.fail('it survives; npm run simulate -- --mutants looks further')
  })
}

t.test('a mutant whose text is gone from the code is an error', async (t) => {
  const [mutant] = mutants
  const edits = [{ ...mutant!.edits[0]!, find: 'a text that nobody wrote' }]
  await t.rejects(plant({ ...mutant!, edits }, join(folder, 'gone')), /is 0 times in/)
})
