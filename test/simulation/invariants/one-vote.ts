import type { Message, NodeId } from '../../../plugins/raft/core/index.ts'
import type { Check } from '../check.ts'
import { Violation } from '../violation.ts'

/** A node votes once in a term, whatever happens to it (Raft paper, section 5.2). A candidate votes for itself. */
export function oneVote (): Check {
  const votes = new Map<string, NodeId>()
  return {
    sending ({ id, name }, message) {
      const candidate = candidateOf(message)
      if (candidate === null) return
      const key = `${id} ${message.term}`
      const before = votes.get(key)
      if (before === undefined) votes.set(key, candidate)
      else if (before !== candidate) {
        throw new Violation('one vote', `${name} votes for ${candidate} in term ${message.term}, after ${before}`)
      }
    },
  }
}

/** Whom the sender votes for, if it votes. */
function candidateOf (message: Message): NodeId | null {
  if (message.type === 'vote') return message.from
  return message.type === 'vote-response' && !message.reject ? message.to : null
}
