import type { Check } from '../check.ts'
import { Violation } from '../violation.ts'

/** No two reads have the same name: the answer to one would be taken for that of the other. */
export function readNames (): Check {
  const names = new Set<string>()
  return {
    reading ({ name }, context) {
      if (names.has(context)) throw new Violation('read names', `${name} calls a second read ${context}`)
      names.add(context)
    },
  }
}
