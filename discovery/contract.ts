import assert from 'node:assert/strict'
import { isDiscoveryError, type Candidate, type Claim, type DiscoveryError, type Provider } from './provider.ts'
import { splitAddress } from './address.ts'
import { checkedProvider } from './checked-provider.ts'

/** What runs tests: `test` of tap and of `node:test` fit. */
export interface Harness {
  test: (name: string, body: () => Promise<void>) => unknown
}

/** A place for nodes, made by the author of a provider: empty, and apart from all others. */
export interface Place {
  /** Opens the provider as the node with that number sees it, from 0. The nodes of a place can find each other. */
  open: (node: number) => Promise<Provider>
  /** From now on the providers cannot look: the server is away, or names nothing. */
  breakDown: () => Promise<void>
  /** They can again. */
  mend: () => Promise<void>
  /** Ends it, after all providers were closed. */
  close: () => Promise<void>
}

export interface ContractOptions {
  /** For the names of the tests. */
  name: string
  place: () => Promise<Place>
  /** Whether it knows ids of nodes that have published them. */
  knowsIds: boolean
  /** Whether it tells of changes. */
  watches: boolean
  /** Times of a node that may go by until a change is seen, in milliseconds. */
  patienceMs?: number
}

const nodes = [0, 1, 2, 3, 4]

/**
 * What every provider must do, as tests, in a place of the author's making, as real as can be. What a node relies on is
 * checked, and nothing else.
 */
export function discoveryContract ({ test }: Harness, options: ContractOptions): void {
  const { name, knowsIds, watches, patienceMs = 10_000 } = options

  check('of nodes that claim at one time at most one forms a cluster, and the answer stays', async (open) => {
    const providers = await Promise.all(nodes.map(open))
    const claim = (node: number): Promise<Claim> => providers[node]!.claim(proposalOf(node), signal())
    const first = await Promise.all(nodes.map(claim))
    assert.equal(first.filter(({ forms }) => forms).length, 1, 'one forms the cluster')
    const former = first.findIndex(({ forms }) => forms)
    for (const each of first) {
      if (each.forms) continue
      assert.ok(each.reason.length > 0, 'the others are told why not')
      const { clusterId } = proposalOf(former)
      assert.ok([null, clusterId].includes(each.clusterId), 'and which cluster there is, if known')
    }
    assert.deepEqual((await Promise.all(nodes.map(claim))).map(({ forms }) => forms), first.map(({ forms }) => forms))
    // It has crashed meanwhile, and is opened anew.
    await providers[former]!.close()
    assert.equal((await (await open(former)).claim(proposalOf(former), signal())).forms, true)
  })

  check('a node that published where it is can be asked to join', async (open) => {
    const [one, other] = [await open(0), await open(1)]
    await one.claim(proposalOf(0), signal())
    await one.publish(selfOf(0, addressOf(0)), signal())
    const find = async (): Promise<Candidate | undefined> => (
      (await other.candidates(signal())).find(({ peerAddress }) => peerAddress === addressOf(0)))
    await eventually(async () => await find() !== undefined)
    const { source, id } = (await find())!
    assert.ok(source.length > 0, 'it says where the address comes from')
    if (knowsIds) assert.equal(id, proposalOf(0).nodeId)
  })

  check('a node is found by its id, also at another address; others are not', async (open) => {
    const [one, other] = [await open(0), await open(1)]
    assert.equal(await other.resolve(proposalOf(3).nodeId, signal()), null)
    await other.publish(selfOf(1, addressOf(1)), signal())
    let changes = 0
    const stop = other.watch(() => { changes++ })
    for (const address of [addressOf(0), addressOf(2)]) {
      const before = changes
      await one.publish(selfOf(0, address), signal())
      if (!knowsIds) assert.equal(await other.resolve(proposalOf(0).nodeId, signal()), null)
      else await eventually(async () => await other.resolve(proposalOf(0).nodeId, signal()) === address)
      if (watches) await eventually(async () => changes > before)
    }
    assert.notEqual(await other.isGone?.(proposalOf(0).nodeId, signal()), true, 'whoever is there is not gone')
    stop()
    stop()
  })

  check('a place that cannot be looked at is not an empty one', async (open, place) => {
    const [one, other] = [await open(0), await open(1)]
    await one.claim(proposalOf(0), signal())
    await one.publish(selfOf(0, addressOf(0)), signal())
    await place.breakDown()
    const late = await open(2).catch((error: unknown) => error)
    for (const provider of [other, late]) {
      if (!isProvider(provider)) {
        assert.ok(isDiscoveryError(provider), 'opening fails as everything else does')
        continue
      }
      // What it knew before it may say, but nobody is nobody only for who has looked.
      const candidates = await answerOf(provider.candidates(signal()))
      assert.ok(isDiscoveryError(candidates) || candidates.length > 0, 'candidates')
      const claim = await answerOf(provider.claim(proposalOf(4), signal()))
      assert.ok(isDiscoveryError(claim) || !claim.forms, 'claim')
      const isGone = await answerOf(provider.isGone?.(proposalOf(3).nodeId, signal()) ?? Promise.resolve(false))
      assert.ok(isDiscoveryError(isGone) || !isGone, 'isGone')
      await answerOf(provider.publish(selfOf(1, addressOf(1)), signal()))
    }
    await place.mend()
    await eventually(async () => (await other.candidates(signal())).length > 0)
    assert.equal((await other.claim(proposalOf(1), signal())).forms, false, 'and the cluster is still the first one')
  })

  check('each answer is what it must be, or the node does not believe it', async (open) => {
    const [one, other] = [checkedProvider(await open(0)), checkedProvider(await open(1))]
    await one.claim(proposalOf(0), signal())
    await other.claim(proposalOf(1), signal())
    await one.publish(selfOf(0, addressOf(0)), signal())
    await eventually(async () => (await other.candidates(signal())).length > 0)
    for (const node of [0, 3]) await other.resolve(proposalOf(node).nodeId, signal())
    await other.isGone?.(proposalOf(0).nodeId, signal())
    other.watch(() => {})()
  })

  check('a node gets addresses that others can dial, with the reason', async (open) => {
    const provider = checkedProvider(await open(0))
    const listening = { peer: { host: '0.0.0.0', port: 9001 }, api: { host: '0.0.0.0', port: 9000 }, members: [] }
    const { peerAddress, apiAddress, reason } = await provider.advertise(listening, signal())
    for (const address of [peerAddress, apiAddress]) assert.notEqual(splitAddress(address).host, '0.0.0.0')
    assert.ok(reason.length > 0)
  })

  check('a call whose signal is aborted ends, and a provider is closed any number of times', async (open) => {
    const provider = await open(0)
    const aborted = AbortSignal.abort(new Error('enough'))
    await assert.rejects(provider.candidates(aborted))
    await assert.rejects(provider.resolve(proposalOf(0).nodeId, aborted))
    await assert.rejects(provider.publish(selfOf(0, addressOf(0)), aborted))
    await assert.rejects(provider.claim(proposalOf(0), aborted))
    if (provider.isGone !== undefined) await assert.rejects(provider.isGone(proposalOf(0).nodeId, aborted))
    await provider.close()
    await provider.close()
  })

  /** Each test has a place of its own, which ends with it. */
  function check (what: string, body: (open: Place['open'], place: Place) => Promise<void>): void {
    test(`discovery by ${name}: ${what}`, async () => {
      const place = await options.place()
      const opened: Provider[] = []
      try {
        await body(async (node) => {
          const provider = await place.open(node)
          opened.push(provider)
          return provider
        }, place)
      } finally {
        for (const provider of opened) await provider.close()
        await place.close()
      }
    })
  }

  async function eventually (condition: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + patienceMs
    while (!await condition()) {
      assert.ok(performance.now() < deadline, `it did not come to pass within ${patienceMs} ms`)
      await new Promise((resolve) => { setTimeout(resolve, 10) })
    }
  }
}

/** Nodes differ in one digit, and so do the clusters that they propose. */
function proposalOf (node: number): { clusterId: string, nodeId: string } {
  return { clusterId: `c0ffee000000000${node}`, nodeId: `000000000000000${node}` }
}

/** Addresses for documentation (RFC 5737): nobody is there. */
function addressOf (node: number): string {
  return `192.0.2.${node + 1}:9001`
}

function selfOf (node: number, peerAddress: string) {
  const { clusterId } = proposalOf(0)
  return { nodeId: proposalOf(node).nodeId, clusterId, peerAddress, apiAddress: peerAddress.replace(/1$/, '0') }
}

function signal (): AbortSignal {
  return AbortSignal.timeout(60_000)
}

function isProvider (opened: unknown): opened is Provider {
  return !(opened instanceof Error)
}

/** Of a provider that cannot look: it may say so, but not that a setting is wrong, which no other attempt mends. */
async function answerOf<Answer> (call: Promise<Answer>): Promise<Answer | DiscoveryError> {
  try {
    return await call
  } catch (error) {
    if (!isDiscoveryError(error)) throw error
    assert.notEqual(error.code, 'DISCOVERY_SETTINGS', error.message)
    return error
  }
}
