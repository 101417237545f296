import { getEventListeners, once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import { withDeadline } from '../../discovery/deadline.ts'

const aborted = async (signal: AbortSignal): Promise<unknown> => {
  await once(signal, 'abort')
  return signal.reason as unknown
}

test('a deadline comes, whatever the garbage collector does meanwhile', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { signal } = new AbortController()
  const collecting = setInterval(collect, 20)
  t.teardown(() => { clearInterval(collecting) })
  t.match(await withDeadline(200, signal, aborted), { name: 'TimeoutError' })
  t.same(getEventListeners(signal, 'abort'), [], 'nothing of it is left on the outer signal')
})

test('who aborts the outer signal aborts the work, for its own reason', async (t) => {
  const outer = new AbortController()
  const work = withDeadline(60_000, outer.signal, aborted)
  outer.abort(new Error('it is over'))
  t.match(await work, { message: 'it is over' })
  await withDeadline(60_000, outer.signal, async (signal) => { t.match(signal.reason, { message: 'it is over' }, 'also before') })
})

test('work that is done in time, or fails, is the outcome', async (t) => {
  const { signal } = new AbortController()
  t.equal(await withDeadline(60_000, signal, async () => 'done'), 'done')
  await t.rejects(withDeadline(60_000, signal, async () => { throw new Error('no') }), { message: 'no' })
  t.same(getEventListeners(signal, 'abort'), [])
})
