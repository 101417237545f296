import t from 'tap'
import { Counts, faultKinds } from './counts.ts'
import { realProduct } from './product.ts'
import { replayCommand } from './replay.ts'
import { simulate } from './simulation.ts'

const seeds = 300

t.test('no fault makes a cluster break its promises, and it heals', async (t) => {
  const counts = new Counts()
  const failed: string[] = []
  for (let seed = 1; seed <= seeds; seed++) {
    const result = await simulate(seed, { product: realProduct })
    counts.addAll(result.counts)
    const { violation } = result
    if (violation !== null) failed.push(`${violation.invariant}: ${violation.message}; again: ${replayCommand(seed)}`)
  }
  t.strictSame(failed, [], 'no seed violates anything')
  t.strictSame(faultKinds.filter((kind) => counts.all[kind] === undefined), [], 'every kind of fault happened')
})

t.test('the same seed gives the same run, with or without a trace, and another seed another one', async (t) => {
  const first = await simulate(7, { product: realProduct })
  const again = await simulate(7, { product: realProduct, trace: true })
  const other = await simulate(8, { product: realProduct })
  t.equal(again.fingerprint, first.fingerprint)
  t.equal(again.steps, first.steps)
  t.strictSame(again.counts, first.counts)
  t.ok(again.trace.length > 0, 'there is a trace for who wants it')
  t.strictSame(first.trace, [], 'and none for who does not')
  t.not(other.fingerprint, first.fingerprint)
  // Here clients ask by receipts.
  t.equal((await simulate(8, { product: realProduct })).fingerprint, other.fingerprint)
})
