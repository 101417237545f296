import type { Member } from './member.ts'

/**
 * Resolves with true when the condition holds; with what it is by then after so many milliseconds, or when the member
 * has failed. It is looked at whenever something of the member has changed.
 */
export function waitFor (
  member: Pick<Member, 'watch' | 'failure'>, condition: () => boolean, ms: number
): Promise<boolean> {
  if (condition()) return Promise.resolve(true)
  return new Promise((resolve) => {
    const end = (result: boolean): void => {
      clearTimeout(timer)
      unwatch()
      resolve(result)
    }
    const timer = ms === Infinity ? undefined : setTimeout(() => end(condition()), ms)
    const unwatch = member.watch(() => {
      if (condition() || member.failure !== null) end(condition())
    })
  })
}
