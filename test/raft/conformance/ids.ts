import type { NodeId } from '../../../plugins/raft/core/index.ts'

/** Transcripts number the nodes. The core orders ids as text, so all have the same length. */
export function nodeId (number: number): NodeId {
  return number.toString(16).padStart(16, '0')
}

export function nodeNumber (id: NodeId): number {
  return parseInt(id, 16)
}

/** Ids as a set: no id twice, in order. */
export function nodeIds (numbers: readonly number[]): NodeId[] {
  return [...new Set(numbers.map(nodeId))].sort()
}
