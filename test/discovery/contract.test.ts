import { test } from 'tap'
import { discoveryContract } from '../../discovery/contract.ts'
import type { Provider } from '../../discovery/provider.ts'
import openRaw from '../../discovery/raw.ts'
import { KnownNames, quiet } from './names.ts'

/** The tests that fail for a provider that is as `raw`, but for the change; `isDown` says when it cannot look. */
async function failuresOf (change: (isDown: () => boolean) => Partial<Provider>): Promise<string[]> {
  const outcomes: Promise<string | null>[] = []
  const run = (name: string, body: () => Promise<void>) => {
    outcomes.push(body().then(() => null, (error: Error) => `${name}: ${error.message}`))
  }
  discoveryContract({ test: run }, {
    name: 'mine',
    knowsIds: false,
    watches: false,
    async place () {
      const names = new KnownNames()
      names.hosts.set('first.test', ['192.0.2.1'])
      return {
        async open (node) {
          const provider = await openRaw({ settings: { join: node === 0 ? '' : 'first.test:9001' }, logger: quiet }, names)
          return { ...provider, ...change(() => names.failure !== null) }
        },
        async breakDown () { names.failure = 'EAI_AGAIN' },
        async mend () { names.failure = null },
        async close () {},
      }
    },
  })
  return (await Promise.all(outcomes)).filter((failure) => failure !== null)
}

test('the contract finds a provider that says what passes is a wrong setting, and answers of another shape', async (t) => {
  t.same(await failuresOf(() => ({})), [])
  const settings = await failuresOf((isDown) => ({
    async publish (_self, signal) {
      signal.throwIfAborted()
      if (isDown()) throw Object.assign(new Error('the token is wrong'), { code: 'DISCOVERY_SETTINGS' })
    },
  }))
  t.match(settings, [/a place that cannot be looked at is not an empty one: the token is wrong/])
  t.equal(settings.length, 1)
  const shape = await failuresOf(() => ({ resolve: async () => 'nowhere' }))
  t.match(shape.find((failure) => failure.includes('each answer is what it must be')), /answers resolve with 'nowhere'/)
})
