import { writeFile } from 'node:fs/promises'
import { realProduct } from '../product.ts'
import { simulate } from '../simulation.ts'
import type { Result } from '../simulation.ts'

/** Runs one seed, and tells what happened. Returns the exit code. */
export async function runSeed (seed: number, file: string | null): Promise<number> {
  const result = await simulate(seed, { product: realProduct, trace: true })
  const text = result.trace.join('\n') + '\n'
  if (file === null) process.stdout.write(text)
  else await writeFile(file, text)
  process.stdout.write(`\nseed ${seed}: ${result.steps} steps, ${(result.micros / 1_000_000).toFixed(3)} s of virtual ` +
    `time, fingerprint ${result.fingerprint}\n${verdict(result)}`)
  return result.violation === null ? 0 : 1
}

export function verdict ({ violation }: Result): string {
  return violation === null ? 'nothing was violated\n' : `VIOLATED: ${violation.invariant}: ${violation.message}\n`
}
