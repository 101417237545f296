import type { Message } from '../../../plugins/raft/core/index.ts'
import type { Check } from '../check.ts'
import type { SimNode } from '../node.ts'
import { Violation } from '../violation.ts'

/** Nothing is promised that a loss of power could undo (Raft paper, figure 2: persistent state). */
export function durablePromises (): Check {
  return {
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
      if (message.reject || message.index <= durable.lastIndex) return null
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
