import type { Entry } from '../../../plugins/raft/core/index.ts'
import type { Check } from '../check.ts'
import { Violation } from '../violation.ts'

/**
 * Logs that hold the same entry hold the same up to there (Raft paper, figure 3): an entry, known by index and term, is
 * the same everywhere, and so is the term of the one before it.
 */
export function logMatching (): Check {
  const known = new Map<string, { entry: Entry, before: number | undefined }>()
  return {
    persisting ({ name, disk: { shown } }, { entries, snapshot }) {
      const previous = (entries[0]?.index ?? 0) - 1
      let before = snapshot?.index === previous ? snapshot.term : shown.term(previous)
      for (const entry of entries) {
        const { index, term } = entry
        const same = known.get(`${index} ${term}`)
        if (same === undefined) known.set(`${index} ${term}`, { entry, before })
        else if (same.before !== before) {
          throw new Violation('log matching',
            `${name} has entry ${index} of term ${term} after term ${before}, and others after term ${same.before}`)
        } else if (same.entry !== entry && (same.entry.type !== entry.type || !same.entry.data.equals(entry.data))) {
          throw new Violation('log matching', `${name} has another entry ${index} of term ${term} than others have`)
        }
        before = term
      }
    },
  }
}
