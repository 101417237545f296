import type { MemberChange } from '../../../plugins/raft/core/index.ts'
import { nodeId } from './ids.ts'

const types: Record<string, MemberChange['type']> = { v: 'voter', l: 'learner', r: 'remove', u: 'update' }

/** Reads `v1 l2 r3 u4`. */
export function parseChanges (text: string): MemberChange[] {
  return text.split(/\s+/).filter(Boolean).map((word) => {
    const type = types[word[0]!]
    if (type === undefined) throw new Error(`unknown input: ${word}`)
    return { type, node: nodeId(Number(word.slice(1))) }
  })
}
