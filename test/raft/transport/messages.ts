import fc from 'fast-check'
import type { Configuration, Message, NodeId } from '../../../plugins/raft/core/index.ts'

/** Messages of every type, with all values that their fields may have. */

const number = fc.oneof(fc.nat(), fc.maxSafeNat())
const term = number
const index = fc.oneof(fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 1000 }))
const context = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
const data = fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes))
const kind = fc.constantFrom(0, 1)

export const nodeId: fc.Arbitrary<NodeId> = fc.uint8Array({ minLength: 8, maxLength: 8 })
  .map((bytes) => Buffer.from(bytes).toString('hex'))

const ids = fc.array(nodeId, { maxLength: 5 })

export const configuration: fc.Arbitrary<Configuration> = fc.record({
  voters: ids, votersOutgoing: ids, learners: ids, learnersNext: ids, autoLeave: fc.boolean(),
})

const envelope = { from: nodeId, to: nodeId, term }

const append = fc.record({
  type: fc.constant('append' as const),
  ...envelope,
  index,
  logTerm: term,
  commit: index,
  entries: fc.array(fc.record({ index: fc.constant(0), term, type: kind, data }), { maxLength: 20 }),
}).map((message) => ({
  ...message,
  entries: message.entries.map((entry, at) => ({ ...entry, index: message.index + 1 + at })),
}))

export const messages: Record<Message['type'], fc.Arbitrary<Message>> = {
  append,
  'append-response': fc.record({
    type: fc.constant('append-response' as const), ...envelope, index, reject: fc.boolean(), hint: index, hintTerm: term,
  }),
  heartbeat: fc.record({
    type: fc.constant('heartbeat' as const), ...envelope, commit: index, context: fc.option(context, { nil: null }),
  }),
  'heartbeat-response': fc.record({
    type: fc.constant('heartbeat-response' as const), ...envelope, context: fc.option(context, { nil: null }),
  }),
  vote: vote('vote'),
  'pre-vote': vote('pre-vote'),
  'vote-response': voteResponse('vote-response'),
  'pre-vote-response': voteResponse('pre-vote-response'),
  snapshot: fc.record({
    type: fc.constant('snapshot' as const), ...envelope, snapshot: fc.record({ index, term, configuration }),
  }),
  'timeout-now': fc.record({ type: fc.constant('timeout-now' as const), ...envelope }),
  'transfer-leader': fc.record({ type: fc.constant('transfer-leader' as const), ...envelope }),
  propose: fc.record({
    type: fc.constant('propose' as const), ...envelope, entries: fc.array(fc.record({ type: kind, data }), { maxLength: 20 }),
  }),
  'read-index': fc.record({ type: fc.constant('read-index' as const), ...envelope, context }),
  'read-index-response': fc.record({ type: fc.constant('read-index-response' as const), ...envelope, index, context }),
}

export const anyMessage = fc.oneof(...Object.values(messages))

function vote (type: 'vote' | 'pre-vote'): fc.Arbitrary<Message> {
  const fields = { type: fc.constant(type), ...envelope, index, logTerm: term, transfer: fc.boolean() }
  return fc.oneof(fc.record(fields), fc.record({ ...fields, committed: fc.record({ index, term }) }))
}

function voteResponse (type: 'vote-response' | 'pre-vote-response'): fc.Arbitrary<Message> {
  const reject = fc.boolean()
  return fc.oneof(
    fc.record({ type: fc.constant(type), ...envelope, reject }),
    fc.record({ type: fc.constant(type), ...envelope, reject, committed: fc.record({ index, term }) })
  )
}
