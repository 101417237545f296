import t from 'tap'
import fc from 'fast-check'
import { applyChange, changeConfiguration, ConfigurationError, enterJoint, leave, restoreMembership } from '../../../plugins/raft/core/changer.ts'
import { allMembers, isJoint } from '../../../plugins/raft/core/configuration.ts'
import { decodeChange, encodeChange } from '../../../plugins/raft/core/configuration-change.ts'
import type { ConfigurationChange, MemberChange } from '../../../plugins/raft/core/configuration-change.ts'
import { emptyConfiguration } from '../../../plugins/raft/core/index.ts'
import type { Configuration } from '../../../plugins/raft/core/index.ts'
import { voteResult } from '../../../plugins/raft/core/quorum.ts'

const ids = ['1', '2', '3', '4', '5']
const limits = { inflightMessagesMax: 10, inflightBytesMax: 1000 }
const memberChange: fc.Arbitrary<MemberChange> = fc.record({
  type: fc.constantFrom('voter', 'learner', 'remove', 'update'), node: fc.constantFrom(...ids),
})
const change: fc.Arbitrary<ConfigurationChange> = fc.record({
  transition: fc.constantFrom('auto', 'implicit', 'explicit'), changes: fc.array(memberChange, { maxLength: 4 }),
})
const founders: fc.Arbitrary<Configuration> = fc.subarray(ids, { minLength: 1 })
  .map((voters) => ({ ...emptyConfiguration, voters }))

/** Of each of the sets of voters more than half. */
function elects (configuration: Configuration, set: readonly string[]): boolean {
  return voteResult(configuration, new Map(set.map((id) => [id, true]))) === 'won'
}

function subsets (): string[][] {
  return ids.reduce<string[][]>((sets, id) => [...sets, ...sets.map((set) => [...set, id])], [[]])
}

function checkShape ({ voters, votersOutgoing, learners, learnersNext, autoLeave }: Configuration): void {
  const fail = (what: string): never => { throw new Error(what) }
  if (voters.length === 0) fail('nobody decides')
  for (const set of [voters, votersOutgoing, learners, learnersNext]) {
    if (set.join() !== [...new Set(set)].sort().join()) fail('ids are out of order, or twice')
  }
  for (const id of learners) if (voters.includes(id) || votersOutgoing.includes(id)) fail('a learner votes')
  for (const id of learnersNext) if (!votersOutgoing.includes(id) || voters.includes(id)) fail('no voter of before waits')
  if (votersOutgoing.length === 0 && (learnersNext.length > 0 || autoLeave)) fail('it waits for what will not come')
}

t.test('From one configuration to the next there are never two disjoint majorities, whatever is asked for', async () => {
  fc.assert(fc.property(founders, fc.array(change, { maxLength: 8 }), (first, changes) => {
    let membership = restoreMembership(first, 10, limits)
    for (const next of changes) {
      const before = membership.configuration
      try {
        membership = applyChange(membership, next, 10, limits)
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error
        continue
      }
      const after = membership.configuration
      checkShape(after)
      if (allMembers(after).join() !== [...membership.progress.keys()].join()) throw new Error('progress of others')
      for (const [id, { learner }] of membership.progress) {
        if (learner !== after.learners.includes(id)) throw new Error(`${id} is taken for another`)
      }
      for (const set of subsets()) {
        const rest = ids.filter((id) => !set.includes(id))
        if (elects(before, set) && elects(after, rest)) throw new Error(`${set} and ${rest} both decide`)
      }
    }
  }), { numRuns: 300 })
})

t.test('Whatever a joint configuration was entered with, leaving it gives what was asked for', async () => {
  fc.assert(fc.property(founders, fc.array(memberChange, { maxLength: 4 }), (first, changes) => {
    let last: Configuration
    try {
      last = leave(enterJoint(first, changes, true))
    } catch (error) {
      if (error instanceof ConfigurationError) return
      throw error
    }
    checkShape(last)
    if (isJoint(last)) throw new Error('it is joint still')
    // The same, one after another, as if nobody had to agree on the way.
    const expected = new Map<string, string>(first.voters.map((id) => [id, 'voter']))
    for (const { type, node } of changes) {
      if (type === 'remove') expected.delete(node)
      else if (type !== 'update') expected.set(node, type)
    }
    for (const id of ids) {
      const found = last.voters.includes(id) ? 'voter' : last.learners.includes(id) ? 'learner' : undefined
      if (found !== expected.get(id)) throw new Error(`${id} is a ${found}, not a ${expected.get(id)}`)
    }
  }), { numRuns: 300 })
})

t.test('A change leaves the configuration that it was made from as it was', async () => {
  fc.assert(fc.property(founders, change, (first, next) => {
    const before = JSON.stringify(first)
    try {
      changeConfiguration(first, next)
    } catch {}
    if (JSON.stringify(first) !== before) throw new Error('it is another')
  }))
})

t.test('The bytes of a change say the same change', async () => {
  const named = fc.record({
    type: fc.constantFrom('voter', 'learner', 'remove', 'update'), node: fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }),
  }).filter(({ node }) => Buffer.from(node).length <= 255) as fc.Arbitrary<MemberChange>
  const any = fc.record({
    transition: fc.constantFrom<ConfigurationChange['transition']>('auto', 'implicit', 'explicit'),
    changes: fc.array(named, { maxLength: 5 }),
  })
  fc.assert(fc.property(any, (whole) => {
    const found = decodeChange(encodeChange(whole))
    if (JSON.stringify(found) !== JSON.stringify(whole)) throw new Error(`${JSON.stringify(found)}`)
  }))
})

t.test('Bytes that no change is written as are refused, and never read as another', async () => {
  const almost = fc.tuple(fc.constantFrom<ConfigurationChange['transition']>('auto', 'implicit', 'explicit'),
    fc.array(memberChange, { maxLength: 3 }), fc.nat(), fc.nat({ max: 255 }), fc.boolean())
    .map(([transition, changes, at, value, cut]) => {
      const bytes = encodeChange({ transition, changes })
      if (bytes.length > 0) bytes[at % bytes.length] = value
      return cut ? bytes.subarray(0, at % (bytes.length + 1)) : bytes
    })
  const random = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes))
  fc.assert(fc.property(fc.oneof(almost, random), (bytes) => {
    let found: ConfigurationChange
    try {
      found = decodeChange(bytes)
    } catch (error) {
      if (error instanceof RangeError) return
      throw error
    }
    if (!encodeChange(found).equals(bytes)) throw new Error(`${bytes.toString('hex')} read as ${JSON.stringify(found)}`)
  }), { numRuns: 3000 })
})

t.test('A node id of no bytes, or of more than a byte can count, has no bytes of a change', async (t) => {
  for (const node of ['', 'x'.repeat(256)]) {
    t.throws(() => encodeChange({ transition: 'auto', changes: [{ type: 'voter', node }] }), RangeError)
  }
})
