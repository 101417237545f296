import t from 'tap'
import fc from 'fast-check'
import { committedIndex, voteResult } from '../../../plugins/raft/core/quorum.ts'
import type { Voters } from '../../../plugins/raft/core/quorum.ts'

const ids = ['1', '2', '3', '4', '5', '6', '7']
const someIds = fc.subarray(ids)
const joint: fc.Arbitrary<Voters> = fc.record({
  voters: fc.subarray(ids, { minLength: 1 }), votersOutgoing: fc.oneof(fc.constant([]), someIds),
})

function subsets (of: readonly string[]): string[][] {
  return of.reduce<string[][]>((sets, id) => [...sets, ...sets.map((set) => [...set, id])], [[]])
}

/** By its definition: more than half of each set, and all of no one. */
function isQuorum ({ voters, votersOutgoing }: Voters, set: readonly string[]): boolean {
  return [voters, votersOutgoing].every((of) => (
    of.length === 0 || of.filter((id) => set.includes(id)).length * 2 > of.length))
}

t.test('The committed index is the newest that some quorum holds, also of a joint configuration', async () => {
  fc.assert(fc.property(joint, fc.array(fc.nat({ max: 20 }), { minLength: 7, maxLength: 7 }), (voters, indexes) => {
    const acked = (id: string): number => indexes[ids.indexOf(id)]!
    const quorums = subsets(ids).filter((set) => isQuorum(voters, set))
    const members = (set: string[]): string[] => (
      set.filter((id) => voters.voters.includes(id) || voters.votersOutgoing.includes(id)))
    const best = Math.max(...quorums.map((set) => Math.min(...members(set).map(acked))))
    if (committedIndex(voters, acked) !== best) throw new Error(`${committedIndex(voters, acked)}, not ${best}`)
  }), { numRuns: 200 })
})

t.test('A vote is won with a quorum of yes, lost when none is possible, and pending between', async () => {
  fc.assert(fc.property(joint, someIds, someIds, (voters, yes, others) => {
    const no = others.filter((id) => !yes.includes(id))
    const votes = new Map([...yes.map((id) => [id, true] as const), ...no.map((id) => [id, false] as const)])
    const possible = isQuorum(voters, ids.filter((id) => !no.includes(id)))
    const expected = isQuorum(voters, yes) ? 'won' : possible ? 'pending' : 'lost'
    if (voteResult(voters, votes) !== expected) throw new Error(`${voteResult(voters, votes)}, not ${expected}`)
  }), { numRuns: 500 })
})

t.test('Two elections of one configuration are never won without a voter in common', async () => {
  fc.assert(fc.property(joint, someIds, (voters, yes) => {
    const granted = (set: string[]): Map<string, boolean> => new Map(set.map((id) => [id, true]))
    const rest = ids.filter((id) => !yes.includes(id))
    if (voteResult(voters, granted(yes)) === 'won' && voteResult(voters, granted(rest)) === 'won') {
      throw new Error(`${yes} and ${rest} both elect`)
    }
  }), { numRuns: 500 })
})
