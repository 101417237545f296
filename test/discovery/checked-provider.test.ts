import { test } from 'tap'
import { checkedProvider } from '../../discovery/checked-provider.ts'
import type { OpenProvider, Provider } from '../../discovery/provider.ts'
import { brokenProvider } from './broken.ts'
import { quiet } from './names.ts'

const { signal } = new AbortController()
const id = '0123456789abcdef'
const self = { nodeId: id, clusterId: null, peerAddress: 'a:9001', apiAddress: 'a:9000' }
const listening = { peer: { host: '0.0.0.0', port: 9001 }, api: { host: '0.0.0.0', port: 9000 }, members: [] }

type Method = 'claim' | 'candidates' | 'resolve' | 'isGone' | 'publish' | 'advertise' | 'close'

const calls: Record<Method, (provider: Provider, ends?: AbortSignal) => Promise<unknown>> = {
  claim: (provider: Provider, ends = signal) => provider.claim({ clusterId: id, nodeId: id }, ends),
  candidates: (provider: Provider, ends = signal) => provider.candidates(ends),
  resolve: (provider: Provider, ends = signal) => provider.resolve(id, ends),
  isGone: (provider: Provider, ends = signal) => provider.isGone!(id, ends),
  publish: (provider: Provider, ends = signal) => provider.publish(self, ends),
  advertise: (provider: Provider, ends = signal) => provider.advertise(listening, ends),
  close: (provider: Provider) => provider.close(),
}

test('a call that is never answered ends with its time or with its signal, and says which it was', async (t) => {
  for (const [method, call] of Object.entries(calls)) {
    const module = await import(brokenProvider(t, `${method}: () => new Promise(() => {})`)) as { default: OpenProvider }
    const open = () => module.default({ settings: {}, logger: quiet })
    await t.rejects(call(checkedProvider(await open(), 50)),
      { code: 'DISCOVERY_UNAVAILABLE', message: `discovery by broken has no answer to ${method}: It was not done within 50 ms` })
    if (method === 'close') continue
    const ending = new AbortController()
    const answer = call(checkedProvider(await open()), ending.signal)
    ending.abort(new Error('it is over'))
    await t.rejects(answer, { message: 'it is over' }, method)
  }
})

const unfit: [Method, string[]][] = [
  ['claim', ['undefined', 'true', '{}', '{ forms: 1 }', "{ forms: 'no' }", '{ forms: false }',
    "{ forms: false, clusterId: 'XYZ', reason: 'it joins' }", '{ forms: false, clusterId: null }']],
  ['candidates', ['undefined', 'null', '{}', "['a:9001']", '[null]', "[{ peerAddress: 'a', id: null, source: 'a file' }]",
    "[{ peerAddress: 'a:9001', id: 7, source: 'a file' }]", "[{ peerAddress: 'a:9001', id: null }]"]],
  ['resolve', ['undefined', "'a'", "''", '7']],
  ['isGone', ['undefined', "'no'", 'null']],
  ['advertise', ['undefined', 'null', "{ peerAddress: 'foo', apiAddress: null }", "{ peerAddress: 'a:1', apiAddress: 'a:2' }",
    "{ peerAddress: '0.0.0.0:1', apiAddress: 'a:2', reason: 'so' }", "{ peerAddress: 'a:1', apiAddress: '[::]:2', reason: 'so' }"]],
]

test('an answer of another shape is none', async (t) => {
  for (const [method, answers] of unfit) {
    for (const answer of answers) {
      const module = await import(brokenProvider(t, `${method}: async () => (${answer})`)) as { default: OpenProvider }
      const provider = checkedProvider(await module.default({ settings: {}, logger: quiet }))
      await t.rejects(calls[method](provider),
        { code: 'DISCOVERY_UNAVAILABLE', message: `discovery by broken answers ${method} with ` }, `${method}: ${answer}`)
    }
  }
})

test('a DiscoveryError of any copy of the class passes as it is, and what else is thrown says where', async (t) => {
  const path = brokenProvider(t, `
    claim: async () => { throw Object.assign(new Error('the token is wrong'), { code: 'DISCOVERY_SETTINGS' }) },
    candidates () { throw new TypeError('a fault') },
    resolve: () => Promise.reject(),`)
  const module = await import(path) as { default: OpenProvider }
  const provider = checkedProvider(await module.default({ settings: {}, logger: quiet }))
  await t.rejects(calls.claim(provider), { code: 'DISCOVERY_SETTINGS', message: /^the token is wrong$/ })
  await t.rejects(calls.candidates(provider),
    { code: 'DISCOVERY_UNAVAILABLE', message: 'discovery by broken has no answer to candidates: a fault' })
  await t.rejects(calls.resolve(provider), { message: 'discovery by broken has no answer to resolve: undefined' })
})
