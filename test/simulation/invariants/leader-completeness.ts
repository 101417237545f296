import type { Canon } from '../canon.ts'
import type { Check } from '../check.ts'
import { Violation } from '../violation.ts'

/** Who becomes leader has every entry that leaders of earlier terms committed (Raft paper, section 5.4.3). */
export function leaderCompleteness (canon: Canon): Check {
  const checked = new Set<number>()
  return {
    turned ({ name, disk: { shown } }, { role, term }) {
      if (role !== 'leader' || checked.has(term)) return
      checked.add(term)
      for (let index = shown.firstIndex; index <= canon.lastIndex; index++) {
        const committed = canon.committed(index)
        if (committed === undefined || committed.leaderTerm >= term) continue
        if (shown.term(index) === committed.term) continue
        throw new Violation('leader completeness', `${name} leads term ${term} without entry ${index} of term ` +
          `${committed.term}, which was committed in term ${committed.leaderTerm}`)
      }
    },
  }
}
