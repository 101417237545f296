import { help, readOptions, UsageError } from './cli/options.ts'
import type { Options } from './cli/options.ts'
import { runMutants } from './cli/run-mutants.ts'
import { runSeed } from './cli/run-seed.ts'
import { runSeeds } from './cli/run-seeds.ts'

/** `npm run simulate`. */

try {
  process.exitCode = await run(readOptions(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}\n\n${help}`)
  process.exitCode = 2
}

async function run (options: Options): Promise<number> {
  switch (options.mode) {
    case 'help':
      process.stdout.write(help)
      return 0
    case 'seed':
      return runSeed(options.seed, options.trace)
    case 'seeds':
      return runSeeds(options)
    case 'mutants':
      return runMutants(options)
  }
}
