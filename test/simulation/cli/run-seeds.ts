import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { replayCommand } from '../replay.ts'
import type { SeedsOptions } from './options.ts'
import { Progress } from './progress.ts'
import { runSeed } from './run-seed.ts'
import { Summary } from './summary.ts'
import { Workers } from './workers.ts'

/** Runs many seeds until one fails, and adds up what they did. Returns the exit code. */
export async function runSeeds ({ from, seeds, jobs }: SeedsOptions): Promise<number> {
  const workers = new Workers(Math.min(jobs, seeds))
  const progress = new Progress(process.stderr, seeds)
  const summary = new Summary()
  try {
    const failed = await workers.run({ from, count: seeds, folder: null }, (result) => {
      summary.add(result)
      progress.step()
    })
    progress.end()
    process.stdout.write(summary.text(progress.speed))
    if (failed === null) {
      process.stdout.write('\nnothing was violated\n')
      return 0
    }
    const { seed } = failed
    const trace = join(tmpdir(), `changewell-seed-${seed}.txt`)
    await runSeed(seed, trace)
    process.stdout.write(`what happened is in ${trace}\nto see it again: ${replayCommand(seed)}\n`)
    return 1
  } finally {
    workers.stop()
  }
}
