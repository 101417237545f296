import type { Message } from '../../../plugins/raft/core/index.ts'
import type { Check } from '../check.ts'
import type { SimNode } from '../node.ts'
import { Violation } from '../violation.ts'

/** Nothing is promised that a loss of power could undo (Raft paper, figure 2: persistent state). */
export function durablePromises (): Check {
  return {
    persisting ({ name, disk: { durable, shown } }, { hardState }) {
      const commit = hardState?.commit ?? 0
      // A snapshot that is on its way hides what it is to replace.
      const term = shown.term(commit) ?? durable.term(commit)
      if (commit <= durable.before.index || (term !== undefined && durable.term(commit) === term)) return
      throw new Violation('durable promises', `${name} writes commit index ${commit}, and that entry is not on its disk`)
    },
    sending (node, message) {
      const broken = brokenPromise(node, message)
      if (broken !== null) throw new Violation('durable promises', `${node.name} ${broken}`)
    },
  }
}

function brokenPromise ({ disk: { durable } }: SimNode, message: Message): string | null {
  const { term, vote } = durable.hardState
  switch (message.type) {
    case 'vote-response': {
      if (message.reject || (term === message.term && vote === message.to) || term > message.term) return null
      return `grants a vote in term ${message.term}, and its disk has term ${term} and the vote ${vote}`
    }
    case 'append-response': {
      // Entries may have been replaced since, by a leader of a later term, in the same write as they were made durable.
      if (message.reject || message.index <= durable.lastIndex || term > message.term) return null
      return `acknowledges entry ${message.index}, and its disk ends at ${durable.lastIndex}`
    }
    case 'vote':
    case 'append':
    case 'heartbeat':
      return message.term > term ? `speaks in term ${message.term}, and its disk has term ${term}` : null
    default:
      return null
  }
}
