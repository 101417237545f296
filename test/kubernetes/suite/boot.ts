import type { Test } from 'tap'
import type { Claim, Provider, Proposed } from '../../../discovery/provider.ts'
import type { ApiServer } from '../api-server.ts'
import { Meddler } from '../meddler.ts'
import { Namespace } from '../namespace.ts'
import { newId, one, replaceLease, selfOf, signal, waitFor } from './support.ts'

const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] as const

/** How the three of one round come: all at once, or each when the one before has got so far. */
const paces = ['at once', 'after the first call', 'after the answer'] as const

/** The first boot of a cluster: who forms it. */
export async function bootSuite (t: Test, server: ApiServer, { rounds }: { rounds: number }): Promise<void> {
  await t.test(`of three pods that boot for the first time one forms the cluster, ${rounds} times, in every order`, async (t) => {
    const namespace = await Namespace.create(t, server)
    const names = ['changewell-0', 'changewell-1', 'changewell-2']
    for (const [at, name] of names.entries()) await namespace.createPod(name, { ip: `10.0.0.${at + 1}` })
    const winners = new Set<number>()
    for (let round = 0; round < rounds; round++) {
      const lease = `round-${round}`
      const pods = await Promise.all(names.map(async (name) => {
        const meddler = await namespace.meddler()
        const provider = await namespace.open(name, { lease, meddler })
        return { provider, meddler, proposed: { clusterId: newId(), nodeId: newId() } }
      }))
      const order = orders[round % orders.length]!
      const pace = paces[Math.floor(round / orders.length) % paces.length]!
      const claims = await claimAll(order.map((at) => pods[at]!), pace)
      const formed = claims.filter(({ forms }) => forms)
      t.equal(formed.length, 1, `round ${round}: one forms the cluster (${order.join(', ')} ${pace})`)
      const winner = order[claims.findIndex(({ forms }) => forms)]!
      winners.add(winner)
      const { clusterId } = pods[winner]!.proposed
      for (const claim of claims) if (!claim.forms) t.equal(claim.clusterId, clusterId, 'the others join that one')
      t.equal((await namespace.leaseOf(lease)).spec.holderIdentity, clusterId, 'the Lease names it')
      // Whoever crashed right after its claim claims again with the same proposal, and goes on; the others join still.
      const again = await Promise.all(pods.map(({ provider, proposed }) => provider.claim(proposed, signal())))
      t.same(again.map(({ forms }) => forms), pods.map((_, at) => at === winner), 'the same claim again gets the same answer')
      await Promise.all(pods.map(async ({ provider, meddler }) => {
        await provider.close()
        await meddler.close()
      }))
    }
    t.equal(winners.size, 3, 'it is not always the same one')
  })

  await t.test('a claim whose answer was lost is found again', async (t) => {
    const { provider, meddler, namespace } = await one(t, server)
    meddler.meddle(({ method }) => method === 'POST' ? 'unanswered' : null)
    const proposed = { clusterId: newId(), nodeId: newId() }
    await t.rejects(provider.claim(proposed, signal()), { code: 'DISCOVERY_UNAVAILABLE' })
    meddler.meddle(() => null)
    t.same(await provider.claim(proposed, signal()), { forms: true })
    t.equal((await namespace.leaseOf('changewell')).spec.holderIdentity, proposed.clusterId)
  })

  await t.test('the pod that formed the cluster and lost its volume joins it', async (t) => {
    const { provider } = await one(t, server)
    const first = { clusterId: newId(), nodeId: newId() }
    t.same(await provider.claim(first, signal()), { forms: true })
    const claim = await provider.claim({ clusterId: newId(), nodeId: newId() }, signal())
    t.match(claim, { forms: false, clusterId: first.clusterId, reason: new RegExp(`names the cluster ${first.clusterId}, formed by the node ${first.nodeId}`) })
  })

  await t.test('with the Lease gone nobody forms a second cluster while a pod belongs to the first', async (t) => {
    const { provider, namespace } = await one(t, server)
    const first = { clusterId: newId(), nodeId: newId() }
    t.same(await provider.claim(first, signal()), { forms: true })
    await provider.publish(selfOf(first), signal())
    await namespace.createPod('changewell-1', { ip: '10.0.0.2' })
    const other = await namespace.open('changewell-1')
    await namespace.deleteLease('changewell')
    await t.rejects(other.claim({ clusterId: newId(), nodeId: newId() }, signal()), {
      code: 'DISCOVERY_UNAVAILABLE', message: new RegExp(`is gone, but the pod changewell-0 belongs to the cluster ${first.clusterId}`),
    })
    t.equal(await namespace.leaseOf('changewell'), null, 'and it makes none')
    await provider.publish(selfOf(first), signal())
    t.equal((await namespace.leaseOf('changewell')).spec.holderIdentity, first.clusterId, 'a member makes it anew')
    const claim = await other.claim({ clusterId: newId(), nodeId: newId() }, signal())
    t.match(claim, { forms: false, clusterId: first.clusterId })
  })

  await t.test('a Lease that says nothing is no leave to form a cluster', async (t) => {
    const { provider, namespace } = await one(t, server)
    const first = { clusterId: newId(), nodeId: newId() }
    await provider.claim(first, signal())
    const lease = await namespace.leaseOf('changewell')
    await replaceLease(namespace, { ...lease, spec: { holderIdentity: 'somebody' } })
    await t.rejects(provider.claim({ clusterId: newId(), nodeId: newId() }, signal()), {
      code: 'DISCOVERY_UNAVAILABLE', message: /holderIdentity is no cluster's id/,
    })
    await provider.publish(selfOf(first), signal())
    t.equal((await namespace.leaseOf('changewell')).spec.holderIdentity, first.clusterId, 'a member writes the id into it')
  })

  for (const [verb, resource] of [['list', 'pods'], ['get', 'leases'], ['create', 'leases']] as const) {
    await t.test(`without the right to ${verb} ${resource} nobody forms a cluster`, async (t) => {
      const { provider, namespace } = await one(t, server)
      await namespace.forbid(resource, verb)
      await t.rejects(provider.claim({ clusterId: newId(), nodeId: newId() }, signal()),
        { code: 'DISCOVERY_REFUSED', message: new RegExp(`lacks this rule: apiGroups: \\["[a-z0-9.]*"\\], resources: \\["${resource}"\\], verbs: \\["${verb}"\\]`) })
      t.equal(await namespace.leaseOf('changewell'), null)
    })
  }

  for (const status of [500, 503, 429]) {
    await t.test(`while the API server answers ${status} nobody forms a cluster`, async (t) => {
      for (const isMeant of [
        (path: string) => path.includes('/leases'), (path: string) => path.includes('/pods'),
      ]) {
        const { provider, meddler, namespace } = await one(t, server)
        meddler.meddle(({ path }) => isMeant(path) ? { status } : null)
        const proposed: Proposed = { clusterId: newId(), nodeId: newId() }
        await t.rejects(provider.claim(proposed, signal()), { code: 'DISCOVERY_UNAVAILABLE', message: new RegExp(`answered ${status}`) })
        t.equal(await namespace.leaseOf('changewell'), null)
        meddler.meddle(() => null)
        t.same(await provider.claim(proposed, signal()), { forms: true }, 'it does as soon as that is over')
      }
    })
  }

  await t.test('two clusters in one namespace have a Lease each and know their pods apart', async (t) => {
    const namespace = await Namespace.create(t, server)
    // Both selectors catch all pods: that is the mistake which is easily made.
    const clusters: { provider: Provider, proposed: Proposed, lease: string, pod: string }[] = []
    for (const [at, lease] of ['blue', 'blue', 'green', 'green'].entries()) {
      const pod = `${lease}-${at}`
      await namespace.createPod(pod, { ip: `10.0.1.${at}` })
      const provider = await namespace.open(pod, { lease })
      clusters.push({ provider, proposed: { clusterId: newId(), nodeId: newId() }, lease, pod })
    }
    const ids: Record<string, string> = {}
    for (const { provider, proposed, lease } of clusters) {
      const claim = await provider.claim(proposed, signal())
      t.equal(claim.forms, ids[lease] === undefined, `${lease}: the first one forms its cluster`)
      ids[lease] ??= proposed.clusterId
      if (!claim.forms) t.equal(claim.clusterId, ids[lease])
      await provider.publish({ ...selfOf(proposed), clusterId: ids[lease] }, signal())
    }
    t.not(ids.blue, ids.green)
    for (const { provider, lease, pod } of clusters) {
      await waitFor(async () => {
        const candidates = await provider.candidates(signal())
        const own = clusters.filter((other) => other.lease === lease)
        const ids = await Promise.all(own.map(({ proposed }) => provider.resolve(proposed.nodeId, signal())))
        return candidates.length === 1 && candidates[0]!.source.startsWith(`the pod ${lease}-`) && !ids.includes(null)
      })
      for (const other of clusters) {
        const found = await provider.resolve(other.proposed.nodeId, signal())
        t.equal(found !== null, other.lease === lease, `${pod} resolves ${other.pod}`)
      }
    }
  })
}

type Pod = { provider: Provider, meddler: Meddler, proposed: Proposed }

async function claimAll (pods: Pod[], pace: typeof paces[number]): Promise<Claim[]> {
  const claims: Promise<Claim>[] = []
  for (const { provider, meddler, proposed } of pods) {
    const claim = provider.claim(proposed, signal())
    claims.push(claim)
    if (pace === 'after the first call') await waitFor(async () => meddler.calls.some(({ path }) => path.includes('/leases')))
    if (pace === 'after the answer') await claim
  }
  return await Promise.all(claims)
}
