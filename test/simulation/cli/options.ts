import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'

export const help = `Usage: npm run simulate -- [options]

Runs whole clusters under faults, each decided by its seed, and checks every invariant after every step.

  --seeds N     run seeds 1 to N (100 when nothing is said)
  --from S      begin with seed S instead of 1
  --seed S      run one seed, and print what happened: who, when, what
  --trace FILE  write that to a file instead
  --mutants     put known mistakes back, one at a time: each must be caught, within --seeds N (2000)
  --jobs J      processes that run at a time (one for each processor)
  --help        this text

The exit code is 0 when nothing was violated, 1 when something was (or a mutant survived), 2 for wrong arguments.
`

export interface SeedsOptions {
  from: number
  /** How many at the most. */
  seeds: number
  /** Processes that run them. */
  jobs: number
}

export type Options =
  { mode: 'help' } |
  { mode: 'seed', seed: number, trace: string | null } |
  { mode: 'seeds' | 'mutants' } & SeedsOptions

/** An argument that cannot be understood. */
export class UsageError extends Error {}

/** @throws UsageError */
export function readOptions (args: string[]): Options {
  const values = parsed(args)
  if (values.help) return { mode: 'help' }
  if (values.seed !== undefined) {
    for (const name of ['seeds', 'from', 'jobs', 'mutants'] as const) {
      if (values[name] !== undefined) throw new UsageError(`--seed runs one seed: --${name} has no meaning beside it`)
    }
    return { mode: 'seed', seed: numberOf('--seed', values.seed, 0), trace: values.trace ?? null }
  }
  if (values.trace !== undefined) throw new UsageError('--trace goes with --seed S')
  const mode = values.mutants === true ? 'mutants' : 'seeds'
  return {
    mode,
    from: numberOf('--from', values.from ?? '1', 0),
    seeds: numberOf('--seeds', values.seeds ?? (mode === 'mutants' ? '2000' : '100'), 1),
    jobs: numberOf('--jobs', values.jobs ?? String(availableParallelism()), 1),
  }
}

function parsed (args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        seeds: { type: 'string' },
        from: { type: 'string' },
        seed: { type: 'string' },
        trace: { type: 'string' },
        mutants: { type: 'boolean' },
        jobs: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function numberOf (name: string, text: string, least: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= least && number <= 0xffff_ffff) return number
  throw new UsageError(`${name} takes a whole number from ${least} to ${0xffff_ffff}, not "${text}"`)
}
