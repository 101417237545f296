import { setTimeout as sleep } from 'node:timers/promises'

/** Longer than anything takes on a slow machine: a call that hangs fails the test by its message. */
export const patienceMs = 120_000

/** Looks again and again until it is so. */
export async function waitFor (condition: () => Promise<boolean>, what = 'what was waited for'): Promise<void> {
  const deadline = Date.now() + patienceMs
  while (!await condition()) {
    if (Date.now() > deadline) throw new Error(`${what} did not come about within ${patienceMs} ms`)
    await sleep(20)
  }
}
