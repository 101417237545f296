import { test, type Test } from 'tap'
import { handOver, type HandOverOptions } from '../../plugins/raft/hand-over.ts'

/** A leader whose heir takes over at the attempt of that number. */
function leaderWhoseHeir (t: Test, takesOverAt: number): { options: HandOverOptions, attempts: () => number } {
  let attempts = 0
  const listeners = new Set<() => void>()
  const member = {
    leader: 'self',
    isLeader: true,
    failure: null,
    status: null as never,
    watch (listener: () => void) {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
    transferLeadership (to: string) {
      if (++attempts !== takesOverAt) return
      member.leader = to
      member.isLeader = false
      for (const listener of listeners) listener()
    },
  }
  t.teardown(() => { t.equal(listeners.size, 0, 'nobody listens any more') })
  const database = { nodes: null as never, settings: { electionMs: 20 } as HandOverOptions['database']['settings'] }
  return { options: { member, database, nodeId: 'self', to: 'heir' }, attempts: () => attempts }
}

test('an heir that could not campaign yet is asked once more', async (t) => {
  const { options, attempts } = leaderWhoseHeir(t, 2)
  t.equal(await handOver(options), true)
  t.equal(attempts(), 2)
})

test('an heir that takes over at once is asked once, and one that never does twice', async (t) => {
  const willing = leaderWhoseHeir(t, 1)
  t.equal(await handOver(willing.options), true)
  t.equal(willing.attempts(), 1)
  const away = leaderWhoseHeir(t, 0)
  t.equal(await handOver(away.options), false)
  t.equal(away.attempts(), 2)
})
