import { once } from 'node:events'
import pino from 'pino'
import t from 'tap'
import { methods } from '../../plugins/raft/forwarding.ts'
import { PeerCalls, type PeerCallsOptions } from '../../plugins/raft/peer-calls.ts'
import { PeerError } from '../../plugins/raft/transport/index.ts'

const [a, b] = ['a'.repeat(16), 'b'.repeat(16)]

/** Calls of a node whose leader is what the test says, and whose requests end as it says. */
function build (more: Partial<PeerCallsOptions>): { calls: PeerCalls, reports: [string, boolean][] } {
  const reports: [string, boolean][] = []
  const calls = new PeerCalls({
    member: () => ({
      leader: a, step: () => {}, hurry: () => {}, reportSnapshot: (id, arrived) => { reports.push([id, arrived]) },
    }),
    applied: () => 7,
    router: { answer: async () => ({ result: 'elsewhere' }) },
    admission: { answer: async (body) => body },
    questions: { reply: (body) => body },
    fetched: { receive: async () => null },
    transport: { request: async () => Buffer.alloc(0) },
    log: pino({ level: 'silent' }),
    ...more,
  })
  return { calls, reports }
}

t.test('That a snapshot is in place is told to the leader, again to the next one when the first does not hear it', async (t) => {
  const asked: string[] = []
  const leaders = [a, null, b]
  const { calls } = build({
    member: () => ({ leader: leaders.shift() ?? null, step: () => {}, hurry: () => {}, reportSnapshot: () => {} }),
    transport: {
      request: async (to, method) => {
        asked.push(to)
        t.equal(method, methods.snapshotArrived)
        if (to === a) throw new PeerError('there is no connection', false)
        return Buffer.alloc(0)
      },
    },
  })
  await calls.snapshotArrived(7, new AbortController().signal)
  t.same(asked, [a, b])
})

t.test('It is told no more once entries come after the snapshot, or the node stops', async (t) => {
  let applied = 7
  const { calls } = build({
    applied: () => applied,
    transport: {
      request: async () => {
        applied++
        throw new PeerError('it did not answer', true)
      },
    },
  })
  await calls.snapshotArrived(7, new AbortController().signal)
  t.equal(applied, 8)
  const stops = new AbortController()
  const asked = new EventTarget()
  const { calls: others } = build({
    transport: {
      request: async () => {
        asked.dispatchEvent(new Event('asked'))
        throw new PeerError('it did not answer', true)
      },
    },
  })
  const first = once(asked, 'asked')
  const told = others.snapshotArrived(7, stops.signal)
  await first
  stops.abort()
  await told
})

t.test('A leader that is told so counts it for the node that said it', async (t) => {
  const { calls, reports } = build({})
  await calls.answer(b, methods.snapshotArrived, Buffer.alloc(0))
  await calls.answer(b, methods.snapshotFailed, Buffer.alloc(0))
  t.same(reports, [[b, true], [b, false]])
  await t.rejects(calls.answer(b, 99, Buffer.alloc(0)), /knows no request 99/)
})
