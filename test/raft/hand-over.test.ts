import { test } from 'tap'
import { handOver, type HandOverOptions } from '../../plugins/raft/hand-over.ts'

/** A leader whose heir takes over at the attempt of that number. */
function leaderWhoseHeir (
  takesOverAt: number
): { options: HandOverOptions, attempts: () => number, listeners: ReadonlySet<() => void> } {
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
  const database = { nodes: null as never, settings: { electionMs: 20 } as HandOverOptions['database']['settings'] }
  return { options: { member, database, nodeId: 'self', to: 'heir' }, attempts: () => attempts, listeners }
}

test('an heir that could not campaign yet is asked once more', async (t) => {
  const { options, attempts, listeners } = leaderWhoseHeir(2)
  t.equal(await handOver(options), true)
  t.equal(attempts(), 2)
  t.equal(listeners.size, 0, 'nobody listens any more')
})

test('an heir that takes over at once is asked once, and one that never does twice', async (t) => {
  const willing = leaderWhoseHeir(1)
  t.equal(await handOver(willing.options), true)
  t.equal(willing.attempts(), 1)
  const away = leaderWhoseHeir(0)
  t.equal(await handOver(away.options), false)
  t.equal(away.attempts(), 2)
})
