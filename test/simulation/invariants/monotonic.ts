import type { NodeId } from '../../../plugins/raft/core/index.ts'
import type { Check } from '../check.ts'
import { Violation } from '../violation.ts'

interface Newest {
  /** Of which others were told: no crash may take it back. */
  toldTerm: number
  term: number
  commit: number
}

/** Terms and commit indexes only grow: the commit index in one life, the term in all that others know of. */
export function monotonic (): Check {
  const newest = new Map<NodeId, Newest>()
  return {
    started ({ id, name, disk: { durable: { hardState } }, machine: { applied } }) {
      const { toldTerm } = newest.get(id) ?? { toldTerm: 0 }
      if (hardState.term < toldTerm) {
        throw new Violation('monotonic', `${name} starts in term ${hardState.term}, and has spoken in term ${toldTerm}`)
      }
      newest.set(id, { toldTerm, term: hardState.term, commit: Math.max(hardState.commit, applied.index) })
    },
    turned ({ id, name }, { term, commit }) {
      const known = newest.get(id)!
      if (term < known.term || commit < known.commit) {
        throw new Violation('monotonic', `${name} is in term ${term} with commit ${commit}, after term ${known.term} ` +
          `and commit ${known.commit}`)
      }
      known.term = term
      known.commit = commit
    },
    sending ({ id }, { type, term }) {
      // What is said of pre-votes is of a term that may never be.
      if (type === 'pre-vote' || type === 'pre-vote-response') return
      const known = newest.get(id)!
      if (term > known.toldTerm) known.toldTerm = term
    },
  }
}
