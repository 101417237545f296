import type { Test } from 'tap'
import type { ApiServer } from '../api-server.ts'
import { Namespace } from '../namespace.ts'
import { Load } from './load.ts'
import { waitFor } from './support.ts'
import { Three } from './three.ts'

const orders = [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1], [1, 0, 2]] as const

export interface NodesOptions {
  /** First boots of three nodes. */
  boots: number
  /** How long the API server is away, at least. */
  outageSeconds: number
}

/** Real nodes, in pods whose addresses are those of the loopback. */
export async function nodesSuite (t: Test, server: ApiServer, { boots, outageSeconds }: NodesOptions): Promise<void> {
  await t.test(`three nodes that boot at once are one cluster, ${boots} times`, async (t) => {
    for (let boot = 0; boot < boots; boot++) {
      const three = await Three.make(t, server)
      await three.start(orders[boot % orders.length]!)
      await three.isOneCluster()
      t.equal((await three.pods[0].view()).members.length, 3)
      await three.stop()
    }
  })

  await t.test('a node whose rights are missing says which in /readyz, and takes part once it has them', async (t) => {
    const three = await Three.make(t, server)
    const { namespace, pods: [pod] } = three
    await namespace.setRules([])
    await pod.start(three.nextAddress())
    const words = /where others reach it: .*lacks this rule: .* resources: \["pods"\], verbs: \["list"\]/
    await waitFor(async () => words.test((await pod.call('GET', '/readyz')).body.detail))
    await namespace.forbid('nothing', '')
    await waitFor(() => pod.isReady())
    await pod.stop()
  })

  await t.test('a pod that is deleted and comes back at another address is the same member with its volume, and a new one without', async (t) => {
    const three = await Three.make(t, server)
    const [first, second, third] = three.pods
    await three.start()
    const clusterId = await three.isOneCluster()
    const { id } = await second.view()
    const before = second.peerAddress
    await second.delete()
    await second.start(three.nextAddress())
    t.not(second.peerAddress, before)
    t.equal(await three.isOneCluster(), clusterId)
    t.equal((await second.view()).id, id)
    t.equal((await first.view()).members.length, 3)

    const old = (await third.view()).id
    await third.delete()
    third.loseVolume()
    await third.start(three.nextAddress())
    t.equal(await three.isOneCluster(), clusterId)
    t.not((await third.view()).id, old)
    t.equal((await first.view()).members.length, 4, 'the old one is still a member')
    t.equal((await first.call('DELETE', `/cluster/members/${old}`)).status, 204)
    t.equal(await three.isOneCluster(), clusterId)
    t.equal((await first.view()).members.length, 3)
  })

  await t.test('members whose pods are gone for good are removed where a setting says so', async (t) => {
    const three = await Three.make(t, server, { settings: { CHANGEWELL_REMOVE_GONE_SECONDS: '1' } })
    const [first, second, third] = three.pods
    await three.start()
    await three.isOneCluster()
    const members = async () => (await first.view()).members.map(({ id }) => id).sort()
    // It may be the leader: another one leads then.
    await third.delete()
    third.loseVolume()
    await third.start(three.nextAddress())
    await three.isOneCluster()
    const ids = async () => (await Promise.all(three.pods.map((pod) => pod.view()))).map(({ id }) => id).sort()
    await waitFor(async () => (await members()).join() === (await ids()).join(), 'the old member to be removed')
    // The StatefulSet is scaled down.
    await third.delete()
    await waitFor(async () => (await members()).length === 2, 'the member of the pod that went to be removed')
    t.ok([first, second].some(({ lines }) => lines.some((line) => /has been gone for 1 s, and is removed/.test(line))))
    await first.write('by two')
  })

  await t.test('pods that all come back at other addresses at one time are the cluster that they were', async (t) => {
    const three = await Three.make(t, server)
    await three.start()
    const clusterId = await three.isOneCluster()
    const ids = async () => (await three.pods[0].view()).members.map(({ id }) => id).sort()
    const before = await ids()
    await Promise.all(three.pods.map((pod) => pod.delete()))
    await three.start([2, 1, 0])
    t.equal(await three.isOneCluster(), clusterId)
    t.same(await ids(), before)
  })

  await t.test('the pod that formed the cluster and lost its volume forms no second one while the others are away', async (t) => {
    const three = await Three.make(t, server)
    const [founder, ...others] = three.pods
    await founder.start(three.nextAddress())
    await waitFor(() => founder.isReady(), 'one node to form the cluster')
    await Promise.all(others.map((pod) => pod.start(three.nextAddress())))
    const clusterId = await three.isOneCluster()
    for (const pod of three.pods) await pod.delete()
    founder.loseVolume()
    await founder.start(three.nextAddress())
    await waitFor(async () => founder.lines.some((line) => line.includes('waits to join')), 'word of what it waits for')
    t.notOk(await founder.isReady())
    t.equal((await founder.view()).clusterId, null)
    t.equal((await three.namespace.leaseOf('changewell')).spec.holderIdentity, clusterId)
    await Promise.all(others.map((pod) => pod.start(three.nextAddress())))
    t.equal(await three.isOneCluster(), clusterId)
  })

  await t.test(`a cluster goes on without the API server for ${outageSeconds} s`, async (t) => {
    const three = await Three.make(t, server)
    await three.start()
    const clusterId = await three.isOneCluster()
    // A leader that is killed leaves writes behind whose outcome nobody knows: that is not what is looked at here.
    const { leader } = await three.pods[0].view()
    const ids = await Promise.all(three.pods.map(async (pod) => (await pod.view()).id))
    const third = three.pods[ids.findIndex((id) => id !== leader)]!
    const others = three.pods.filter((pod) => pod !== third)
    const load = new Load(t, others)
    await server.kill()
    const killed = performance.now()
    // The kubelet starts a container again without the API server.
    await third.stop('SIGKILL')
    await third.run()
    await waitFor(() => third.isReady(), 'the node that was started again').catch((error: Error) => {
      throw new Error(`${error.message}:\n${third.lines.slice(-20).join('\n')}`)
    })
    await waitFor(async () => performance.now() - killed > outageSeconds * 1000)
    const during = load.written.length
    await waitFor(async () => load.written.length > during, 'one more write, now that it is long away')
    await server.start()
    // Discovery works again: a pod that moves now is found, under load.
    await third.delete()
    await third.start(three.nextAddress())
    t.equal(await three.isOneCluster(), clusterId)
    await load.stop()
    t.same(load.refused, [], `none of ${load.written.length} writes was refused`)
    for (const pod of three.pods) await load.isKeptBy(pod, t)
  })

  await t.test('two clusters in one namespace whose selectors catch each other\'s pods stay two', async (t) => {
    const namespace = await Namespace.create(t, server)
    const blue = await Three.make(t, server, { namespace, lease: 'blue' })
    const green = await Three.make(t, server, { namespace, lease: 'green' })
    await Promise.all([blue.start(), green.start()])
    t.not(await blue.isOneCluster(), await green.isOneCluster())
    for (const { pods: [pod] } of [blue, green]) t.equal((await pod.view()).members.length, 3)
    // Nor do they mix when pods come back.
    await Promise.all([blue, green].map(async ({ pods: [pod] }) => pod.delete()))
    for (const three of [blue, green]) await three.pods[0].start(three.nextAddress())
    t.not(await blue.isOneCluster(), await green.isOneCluster())
    for (const { pods: [, pod] } of [blue, green]) t.equal((await pod.view()).members.length, 3)
  })
}
