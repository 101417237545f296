import type { NodeId } from '../../../plugins/raft/core/index.ts'
import type { Check } from '../check.ts'
import type { Plan } from '../plan.ts'
import { Violation } from '../violation.ts'

/** A leader whose disk does not answer steps down, at the next tick at the latest: it can promise nothing. */
export function diskAnswers ({ electionTicks }: Plan): Check {
  /** Who leads, in which term, and since which tick. */
  const leaders = new Map<NodeId, { term: number, since: number }>()
  return {
    started ({ id }) {
      leaders.delete(id)
    },
    turned ({ id, name, ticks, writingTicks }, { role, term }) {
      if (role !== 'leader') {
        leaders.delete(id)
        return
      }
      const leader = leaders.get(id)
      if (leader?.term !== term) {
        leaders.set(id, { term, since: ticks })
      } else if (ticks > leader.since && writingTicks > electionTicks) {
        throw new Violation('disk answers', `${name} leads, and its disk has not answered for ${writingTicks} ticks`)
      }
    },
  }
}
