import { loadProduct, realProduct } from '../product.ts'
import type { Product } from '../product.ts'
import { simulate } from '../simulation.ts'

/** One of the processes: gets a task, runs its seed, and sends the result back. */

export interface Task {
  seed: number
  /** A folder with a mutant; null for the real code. */
  folder: string | null
}

const mutants = new Map<string, Promise<Product>>()

process.on('message', async ({ seed, folder }: Task) => {
  const result = await simulate(seed, { product: await productOf(folder) })
  process.send!(result)
})

function productOf (folder: string | null): Product | Promise<Product> {
  if (folder === null) return realProduct
  const known = mutants.get(folder) ?? loadProduct(folder)
  mutants.set(folder, known)
  return known
}
