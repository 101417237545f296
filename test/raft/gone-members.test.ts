import { test } from 'tap'
import { GoneMembers } from '../../plugins/raft/gone-members.ts'
import type { MemberView } from '../../plugins/raft/node-options.ts'
import type { Proposal } from '../../storage/types.ts'

type Options = ConstructorParameters<typeof GoneMembers>[0]

function member (id: string, connected: boolean | null, state = 'voter'): MemberView {
  return { id, state, peer: connected === null ? null : { connected } } as unknown as MemberView
}

/** A leader of three, whose third member is away and gone, and what it has removed. */
function leader (options: Partial<Options> = {}) {
  const removed: Proposal[] = []
  const warnings: string[] = []
  const gone = new GoneMembers({
    seconds: 1000,
    isGone: async (id) => id === 'c',
    leads: () => true,
    members: () => [member('a', null), member('b', true), member('c', false)],
    propose: async (proposal) => {
      removed.push(proposal)
      return { ok: true } as Awaited<ReturnType<Options['propose']>>
    },
    log: { warn: (_facts: object, message: string) => { warnings.push(message) } } as Options['log'],
    ...options,
  })
  return { gone, removed, warnings }
}

test('a member that was gone all the time is removed, and not before', async (t) => {
  const { gone, removed, warnings } = leader()
  await gone.look(0)
  await gone.look(999_999)
  t.same(removed, [])
  await gone.look(1_000_000)
  t.same(removed, [{ kind: 'node-remove', id: 'c' }])
  t.match(warnings, [/the member c has been gone for 1000 s, and is removed/])
  await gone.close()
})

test('one that is reached again, that something may become, or of which nothing is known, gets all the time anew', async (t) => {
  const third = { connected: false, isGone: true, isKnown: true }
  const { gone, removed, warnings } = leader({
    members: () => [member('a', null), member('b', true), member('c', third.connected)],
    isGone: async () => {
      if (!third.isKnown) throw new Error('the API server answered 500')
      return third.isGone
    },
  })
  let now = 0
  for (const change of [{ connected: true }, { isGone: false }, { isKnown: false }]) {
    await gone.look(now)
    Object.assign(third, change)
    await gone.look(now += 999_999)
    Object.assign(third, { connected: false, isGone: true, isKnown: true })
    await gone.look(now += 1)
    t.same(removed, [], `not at once after ${Object.keys(change)}`)
    now += 1
  }
  t.match(warnings, [/the member c, which is away, is not removed: the API server answered 500/])
  await gone.look(now + 1_000_000)
  t.equal(removed.length, 1)
  await gone.close()
})

test('one that comes back while it is looked for stays', async (t) => {
  let connected = false
  const { gone, removed } = leader({
    members: () => [member('c', connected)],
    isGone: async () => {
      connected = true
      return true
    },
  })
  await gone.look(0)
  connected = false
  await gone.look(1_000_000)
  t.same(removed, [])
  await gone.close()
})

test('who does not lead removes nobody, nor one that is leaving, and a new leader waits for all the time', async (t) => {
  let leads = true
  let asked = 0
  const { gone, removed } = leader({
    leads: () => leads,
    isGone: async () => {
      asked++
      return true
    },
    members: () => [member('c', false), member('d', false, 'leaving')],
  })
  await gone.look(0)
  t.equal(asked, 1)
  leads = false
  await gone.look(1_000_000)
  t.equal(asked, 1, 'nothing is asked for nothing')
  leads = true
  await gone.look(1_000_001)
  t.same(removed, [])
  await gone.close()
})

test('a removal that is refused is told, and tried again', async (t) => {
  let attempts = 0
  const { gone, warnings } = leader({
    propose: async () => {
      attempts++
      throw new Error('there is no leader')
    },
  })
  await gone.look(0)
  for (const now of [1_000_000, 1_000_001, 2_000_001]) await gone.look(now)
  t.equal(attempts, 2)
  t.match(warnings, [/is not removed: there is no leader/])
  await gone.close()
})
