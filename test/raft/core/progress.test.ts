import t from 'tap'
import fc from 'fast-check'
import { Inflights } from '../../../plugins/raft/core/inflights.ts'
import { Progress } from '../../../plugins/raft/core/progress.ts'

t.test('The window of appends agrees with a plain list, whatever is sent and acknowledged', async () => {
  const action = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('add' as const), entries: fc.integer({ min: 1, max: 4 }), bytes: fc.nat({ max: 30 }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('free' as const), back: fc.nat({ max: 12 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) }
  )
  const actions = fc.array(action, { maxLength: 400, size: 'max' })
  fc.assert(fc.property(actions, fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 3000 }),
    (list, messagesMax, bytesMax) => {
      const window = new Inflights(messagesMax, bytesMax)
      let model: { index: number, bytes: number }[] = []
      let last = 0
      for (const what of list) {
        if (what.do === 'add') {
          if (window.full) continue
          last += what.entries
          window.add(last, what.bytes)
          model.push({ index: last, bytes: what.bytes })
        } else if (what.do === 'free') {
          window.freeUpTo(last - what.back)
          model = model.filter(({ index }) => index > last - what.back)
        } else {
          window.clear()
          model = []
        }
        const bytes = model.reduce((sum, one) => sum + one.bytes, 0)
        const full = model.length >= messagesMax || bytes >= bytesMax
        if (window.count !== model.length || window.full !== full) throw new Error('they differ')
      }
    }), { numRuns: 200 })
})

t.test('Whatever is heard of a member, in whatever order, its next entry is after what it holds', async () => {
  const index = fc.integer({ min: 0, max: 60 })
  const action = fc.oneof(
    fc.record({ do: fc.constant('send' as const), entries: fc.nat({ max: 3 }) }),
    fc.record({ do: fc.constant('accepted' as const), index }),
    fc.record({ do: fc.constant('rejected' as const), index, hint: index }),
    fc.record({ do: fc.constantFrom('probe' as const, 'replicate' as const) }),
    fc.record({ do: fc.constant('snapshot' as const), index })
  )
  fc.assert(fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
    const limits = { inflightMessagesMax: 3, inflightBytesMax: 1000 }
    const progress = new Progress({ match: 0, next: 10, learner: false, recentlyActive: true }, limits)
    for (const what of actions) {
      const { match, state } = progress
      if (what.do === 'send') {
        if (!progress.blocked) progress.sent(what.entries, what.entries * 10)
      } else if (what.do === 'accepted') {
        const news = progress.accepted(what.index)
        if (news !== (what.index > match)) throw new Error('what is news was not said')
      } else if (what.do === 'rejected') {
        // The leader's own log answers for the rest: the hint is below what was rejected.
        const moved = progress.rejected(what.index, Math.min(what.hint, what.index))
        if (moved && state === 'replicate' && what.index <= match) throw new Error('a late rejection was believed')
      } else if (what.do === 'probe') progress.becomeProbe()
      else if (what.do === 'replicate') progress.becomeReplicate()
      else if (what.do === 'snapshot') progress.becomeSnapshot(what.index)
      if (progress.match < match) throw new Error('what a member holds was taken back')
      if (progress.next <= progress.match && what.do !== 'snapshot') {
        throw new Error(`next ${progress.next}, but it holds ${progress.match}`)
      }
      // A leader only sends a snapshot that is ahead of what the member holds.
      if (progress.next <= progress.match) return
    }
  }), { numRuns: 500 })
})
