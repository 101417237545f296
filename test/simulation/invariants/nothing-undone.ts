import type { Canon } from '../canon.ts'
import type { Check } from '../check.ts'
import { Violation } from '../violation.ts'

/** What is committed stays: no node that has it takes it from its log. */
export function nothingUndone (canon: Canon): Check {
  return {
    persisting ({ name, disk: { shown } }, { entries, snapshot }) {
      const first = snapshot !== null ? snapshot.index + 1 : entries[0]?.index
      if (first === undefined) return
      const last = Math.min(shown.lastIndex, canon.lastIndex)
      for (let index = first; index <= last; index++) {
        const committed = canon.committed(index)
        if (committed === undefined || shown.term(index) !== committed.term) continue
        const replaced = entries[index - (entries[0]?.index ?? 0)]
        if (replaced?.term === committed.term) continue
        throw new Violation('nothing undone', `${name} removes entry ${index}, which is committed`)
      }
    },
  }
}
