import t, { type Test } from 'tap'
import { Database } from '../../storage/database.ts'
import { Problem } from '../../storage/problem.ts'
import type { Outcome, Proposal } from '../../storage/types.ts'
import { decodeForwarded, encodeAnswer, type ForwardedAnswer } from '../../plugins/raft/forwarding.ts'
import type { LocalOutcome, Member } from '../../plugins/raft/member.ts'
import { Receipts } from '../../plugins/raft/receipts.ts'
import { Router } from '../../plugins/raft/router.ts'
import { PeerError } from '../../plugins/raft/transport/index.ts'
import { MemoryStore } from '../support/memory-store.ts'
import { until } from '../support/node.ts'

const outcome: Outcome = { ok: true, branch: 'then', written: [], revision: 7 }
const late: Outcome = { ok: false, code: 'WRITE_EXPIRED', params: { deadline: '' }, revision: 0 }

const plain: Proposal = { kind: 'write', compare: [], then: [{ type: 'put', data: Buffer.from('1') }] }
const recognised: Proposal = { ...plain, idempotency: { key: 'k', fingerprint: Buffer.alloc(16) } }

interface Call {
  to: string
  proposal: Proposal
  answer: (answer: ForwardedAnswer) => void
  fail: (error: Error) => void
}

/** A router whose node follows `a` at first; what is passed on waits for the test to answer. */
async function build (t: Test, leaderWaitSeconds = 30): Promise<{
  router: Router, calls: Call[], proposed: ((outcome: LocalOutcome) => void)[], lead: (leader: string | null) => void
}> {
  const database = await Database.open(new MemoryStore())
  const calls: Call[] = []
  const proposed: ((outcome: LocalOutcome) => void)[] = []
  let tell = (): void => {}
  const member = {
    leader: 'a' as string | null,
    isLeader: false,
    watch: (listener: () => void) => {
      tell = listener
      return () => {}
    },
    propose: (_proposal: Proposal, answer: (outcome: LocalOutcome) => void) => { proposed.push(answer) },
  }
  const router = new Router({
    database,
    receipts: new Receipts({ database, keptSeconds: 60 }),
    transport: {
      request: (to, _method, body) => new Promise((resolve, reject) => {
        const answer = (given: ForwardedAnswer): void => resolve(encodeAnswer(given))
        calls.push({ to, proposal: decodeForwarded(body).proposal, answer, fail: reject })
      }),
    },
    writesPendingMax: 10,
    uncommittedBytesMax: 1_000_000,
    writeTimeoutSeconds: 30,
    leaderWaitSeconds,
    leaderless: () => 'nobody leads',
  })
  router.attach(member as unknown as Member, () => null)
  t.teardown(() => router.close())
  const lead = (leader: string | null): void => {
    member.leader = leader
    member.isLeader = leader === 'self'
    tell()
  }
  return { router, calls, proposed, lead }
}

t.test('A write that no state machine would recognise is sent once, and its outcome is unknown when no answer comes', async (t) => {
  const { router, calls, lead } = await build(t)
  const written = router.propose(plain)
  t.equal(calls.length, 1)
  lead('b')
  t.equal(calls.length, 1, 'another leader gets it only if the first certainly did not')
  calls[0]!.fail(new PeerError('the connection broke', true))
  await t.rejects(written, { code: 'OUTCOME_UNKNOWN' })
  t.equal(calls.length, 1)
})

t.test('What certainly was not sent, or came to a node that does not lead, is sent again', async (t) => {
  const { router, calls } = await build(t)
  const written = router.propose(plain)
  calls[0]!.fail(new PeerError('there is no connection', false))
  await until(() => calls.length === 2, 'the second try')
  calls[1]!.answer({ result: 'elsewhere' })
  await until(() => calls.length === 3, 'the third try')
  calls[2]!.answer({ result: 'applied', index: 0, outcome })
  t.match(await written, { revision: 7 })
})

t.test('A write with an idempotency key does not wait for a leader that is none any more', async (t) => {
  const { router, calls, lead } = await build(t)
  const written = router.propose(recognised)
  t.equal(calls[0]!.to, 'a')
  lead(null)
  t.equal(calls.length, 1, 'while nobody else leads it is waited for')
  lead('b')
  t.equal(calls.length, 2)
  t.equal(calls[1]!.to, 'b')
  t.match(calls[1]!.proposal, { idempotency: { key: 'k' } })
  // What the old leader says now counts only if it is the outcome.
  calls[0]!.answer({ result: 'elsewhere' })
  await new Promise(setImmediate)
  t.equal(calls.length, 2)
  calls[1]!.answer({ result: 'applied', index: 0, outcome })
  t.match(await written, { revision: 7 })
})

t.test('The old leader\'s answer counts when it is the outcome', async (t) => {
  const { router, calls, lead } = await build(t)
  const written = router.propose(recognised)
  lead('b')
  calls[0]!.answer({ result: 'applied', index: 0, outcome })
  t.match(await written, { revision: 7 })
  calls[1]!.fail(new PeerError('the connection broke', true))
  await new Promise(setImmediate)
  t.equal(calls.length, 2, 'nobody waits for it any more')
})

t.test('That the old leader\'s attempt came too late says nothing of the next one', async (t) => {
  const { router, calls, lead } = await build(t)
  const written = router.propose(recognised)
  lead('b')
  calls[0]!.answer({ result: 'applied', index: 0, outcome: late })
  await new Promise(setImmediate)
  calls[1]!.answer({ result: 'applied', index: 0, outcome })
  t.match(await written, { revision: 7 })
})

t.test('A node that comes to lead takes what it had passed on itself', async (t) => {
  const { router, calls, proposed, lead } = await build(t)
  const written = router.propose(recognised)
  lead('self')
  t.equal(calls.length, 1)
  t.equal(proposed.length, 1)
  proposed[0]!({ result: 'applied', outcome, index: 0 })
  t.match(await written, { revision: 7 })
})

t.test('What may have been done is never said to be refused, also when a later try is', async (t) => {
  const { router, calls, lead } = await build(t)
  const refusedLater = router.propose(recognised)
  lead('b')
  calls[1]!.answer({ result: 'problem', problem: new Problem('TOO_MANY_WRITES', { limit: 1 }) })
  await t.rejects(refusedLater, { code: 'OUTCOME_UNKNOWN' })

  const impatient = await build(t, 0)
  const parked = impatient.router.propose(recognised)
  impatient.calls[0]!.fail(new PeerError('the connection broke', true))
  await t.rejects(parked, { code: 'OUTCOME_UNKNOWN' }, 'nobody leads any more, but the one before may have done it')
  const notSent = impatient.router.propose(recognised)
  impatient.calls[1]!.fail(new PeerError('there is no connection', false))
  await t.rejects(notSent, { code: 'NO_LEADER' })
})
