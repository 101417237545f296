import { test, type Test } from 'tap'
import { decodeForwarded, encodeAnswer, type ForwardedAnswer } from '../../plugins/raft/forwarding.ts'
import type { Member } from '../../plugins/raft/member.ts'
import { Receipts } from '../../plugins/raft/receipts.ts'
import { Router } from '../../plugins/raft/router.ts'
import { PeerError } from '../../plugins/raft/transport/index.ts'
import { Problem } from '../../storage/problem.ts'
import { Database } from '../../storage/database.ts'
import type { Receipt, WriteCommand } from '../../storage/types.ts'
import { MemoryStore } from '../support/memory-store.ts'

const write = { kind: 'write' as const, compare: [], then: [{ type: 'put' as const }] }
const keyed = { ...write, idempotency: { key: 'k', fingerprint: Buffer.alloc(16) } }
const late: ForwardedAnswer = {
  result: 'applied', index: 0, outcome: { ok: false, code: 'WRITE_EXPIRED', params: { deadline: '' }, revision: 0 },
}
const made: ForwardedAnswer = {
  result: 'applied', index: 0, outcome: { ok: true, branch: 'then', written: [], revision: 1 },
}
const hourMs = 3_600_000

/** A follower whose leader gives these answers in turn; null for a connection that breaks after the question. */
async function follower (
  t: Test, answers: (ForwardedAnswer | null)[], leaderWaitSeconds = 60
): Promise<{ router: Router, receipts: Receipt[] }> {
  const database = await Database.open(new MemoryStore())
  const seen: Receipt[] = []
  const router = new Router({
    database,
    receipts: new Receipts({ database, keptSeconds: 60 }),
    transport: {
      async request (_leader, _method, body) {
        seen.push((decodeForwarded(body).proposal as WriteCommand).receipt!)
        const answer = answers.shift()!
        if (answer === null) throw new PeerError('the connection broke', true)
        return encodeAnswer(answer)
      },
    },
    writesPendingMax: 10,
    uncommittedBytesMax: 1000,
    writeTimeoutSeconds: 60,
    leaderWaitSeconds,
    leaderless: () => 'a test',
  })
  t.teardown(() => router.close())
  router.attach({ isLeader: false, leader: 'another', watch: () => () => {} } as unknown as Member, () => null)
  return { router, receipts: seen }
}

test('A leader whose clock is far ahead gets the write again with another receipt, by its own clock', async (t) => {
  const now = Date.now() + hourMs
  const { router, receipts } = await follower(t, [{ result: 'expired', now }, made, made])
  t.match(await router.propose(write), { ok: true })
  t.notSame(receipts[1]!.id, receipts[0]!.id)
  t.ok(receipts[1]!.deadline >= now + 59_000, 'and so is its deadline')
  await router.propose(write)
  t.ok(receipts[2]!.deadline >= now + 59_000, 'what it learned of the clock it remembers')
})

test('A write that comes too late once more was certainly not made', async (t) => {
  const { router } = await follower(t, [{ result: 'expired', now: 1 }, { result: 'expired', now: 2 }])
  t.match(await router.propose(write), { ok: false, code: 'WRITE_EXPIRED' })
})

for (const [how, answer] of Object.entries({ 'its leader': { result: 'expired' as const, now: 1 }, 'the state machine': late })) {
  test(`An attempt that ${how} finds too late tells nothing of the one before it, of which nothing was heard`, async (t) => {
    const { router, receipts } = await follower(t, [null, answer])
    await t.rejects(router.propose(keyed), { code: 'OUTCOME_UNKNOWN', params: { receipt: /^[\w-]{58}$/ } })
    t.equal(receipts.length, 2)
    t.same(receipts[1], receipts[0], 'it was sent again under the same receipt, whose outcome is that of both')
  })
}

test('A refusal tells nothing of the attempt before it, of which nothing was heard', async (t) => {
  const problem = new Problem('TOO_MUCH_UNCOMMITTED', { limitBytes: 1 })
  const { router, receipts } = await follower(t, [null, { result: 'problem', problem }])
  await t.rejects(router.propose(keyed), { code: 'OUTCOME_UNKNOWN', params: { receipt: /^[\w-]{58}$/ } })
  t.equal(receipts.length, 2)
  const { router: other } = await follower(t, [{ result: 'problem', problem }])
  await t.rejects(other.propose(keyed), { code: 'TOO_MUCH_UNCOMMITTED' }, 'without one nothing was done')
})

test('Nor does it that no leader was found after it', async (t) => {
  const { router } = await follower(t, [null, ...Array.from({ length: 1000 }, () => ({ result: 'elsewhere' as const }))], 0.1)
  await t.rejects(router.propose(keyed), { code: 'OUTCOME_UNKNOWN' })
  const { router: other } = await follower(t, Array.from({ length: 1000 }, () => ({ result: 'elsewhere' as const })), 0.1)
  await t.rejects(other.propose(keyed), { code: 'NO_LEADER' })
})
