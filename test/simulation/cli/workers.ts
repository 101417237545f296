import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Result } from '../simulation.ts'
import type { Task } from './worker.ts'

const file = fileURLToPath(new URL('worker.ts', import.meta.url))

/** Processes that run seeds beside each other. */
export class Workers {
  readonly #processes: ChildProcess[]

  constructor (jobs: number) {
    this.#processes = Array.from({ length: jobs }, () => fork(file, { execArgv: ['--import=tsx'] }))
  }

  /**
   * Runs seeds from `from` on, at most `count`, until one fails. What is under way then is finished, so the failure
   * that is returned is that of the smallest seed that fails, with any number of processes.
   */
  async run (
    { from, count, folder }: { from: number, count: number, folder: string | null }, done: (result: Result) => void
  ): Promise<Result | null> {
    let next = from
    const failures: Result[] = []
    const work = async (worker: ChildProcess): Promise<void> => {
      while (failures.length === 0 && next < from + count) {
        const result = await ask(worker, { seed: next++, folder })
        done(result)
        if (result.violation !== null) failures.push(result)
      }
    }
    await Promise.all(this.#processes.map(work))
    return failures.sort((a, b) => a.seed - b.seed)[0] ?? null
  }

  stop (): void {
    for (const worker of this.#processes) worker.kill()
  }
}

async function ask (worker: ChildProcess, task: Task): Promise<Result> {
  const over = new AbortController()
  const { signal } = over
  const died = once(worker, 'exit', { signal }).then(() => {
    throw new Error(`a process died while it ran seed ${task.seed}`)
  })
  // Once the answer is there, waiting ends with an error that nobody needs.
  died.catch(() => {})
  worker.send(task)
  const [result] = await Promise.race([once(worker, 'message', { signal }), died])
  over.abort()
  return result as Result
}
