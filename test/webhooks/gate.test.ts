import { test } from 'tap'
import { HookGate, type HookGateOptions } from '../../plugins/webhooks/gate.ts'
import { Catalog } from '../../storage/catalog.ts'
import type { Problem } from '../../storage/problem.ts'
import type { Webhook } from '../../storage/types.ts'
import { until } from '../support/node.ts'
import { refuse, startHook } from './hook.ts'

/** A gate of a leader that catches up when it is told to, and what became of the writes. */
function build (hooks: () => readonly Webhook[], catchUp: HookGateOptions['catchUp']) {
  const catalog = new Catalog()
  const gate = new HookGate({ hooks, catalog: () => catalog, catchUp, isKnown: async () => false, bytesMax: 1000 })
  const events: string[] = []
  const admit = (request: string): void => {
    gate.admit({
      proposal: { compare: [], then: [{ type: 'put' }] },
      request,
      isWanted: () => true,
      pass: () => { events.push(request) },
      refuse: (problem: Problem | null) => { events.push(`${request}: ${problem?.code ?? 'elsewhere'}`) },
    })
  }
  return { gate, events, admit }
}

test('A leader that has just begun asks the hooks that the one before it was given', async (t) => {
  const { url } = await startHook(t, refuse('no'))
  const hooks: Webhook[] = []
  let caughtUp!: () => void
  const { gate, events, admit } = build(() => hooks, () => new Promise((resolve) => { caughtUp = resolve }))
  admit('first')
  admit('second')
  t.same(events, [], 'nothing passes while it does not know which there are')
  hooks.push({ name: 'naming', url, headers: {}, timeoutMs: 60_000, onFailure: 'fail-closed' })
  caughtUp()
  await until(() => events.length === 2, 'both to be refused')
  t.same([...events.splice(0)].sort(), ['first: WRITE_REJECTED', 'second: WRITE_REJECTED'])
  hooks.pop()
  admit('third')
  t.same(events.splice(0), ['third'], 'afterwards nobody waits')
  gate.abandon()
  admit('fourth')
  t.same(events, [], 'when it leads again it catches up again')
  gate.abandon()
  t.same(events, ['fourth: elsewhere'])
})

test('A leader that cannot catch up leaves the write to another', async (t) => {
  const { events, admit } = build(() => [], () => Promise.reject(new Error('no leader')))
  admit('first')
  await until(() => events.length === 1, 'it to be told')
  t.same(events, ['first: elsewhere'])
})
