import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Listening } from '../../../discovery/provider.ts'
import type { ApiServer } from '../api-server.ts'
import { listener, Namespace } from '../namespace.ts'
import { newId, one, selfOf, signal, waitFor } from './support.ts'

const listening: Listening = { peer: { host: '0.0.0.0', port: 9001 }, api: { host: '0.0.0.0', port: 9000 }, members: [] }

/** What discovery makes of pods as they come, move and go. */
export async function podsSuite (t: Test, server: ApiServer): Promise<void> {
  await t.test('pods that are not ready are candidates, others of the namespace are not', async (t) => {
    const { namespace, provider } = await one(t, server)
    await namespace.createPod('changewell-1', { ip: '10.0.0.2' })
    await namespace.createPod('changewell-2', { ip: 'fd00::3', port: 9401 })
    await namespace.createPod('web-0', { ip: '10.0.0.9', labels: { 'app.kubernetes.io/name': 'web' } })
    await waitFor(async () => (await provider.candidates(signal())).length === 2)
    t.same(await provider.candidates(signal()), [
      { peerAddress: '10.0.0.2:9001', id: null, source: 'the pod changewell-1' },
      { peerAddress: '[fd00::3]:9401', id: null, source: 'the pod changewell-2' },
    ])
  })

  await t.test('a pod that has no address yet is no candidate, and its coming is told', async (t) => {
    const { namespace, provider } = await one(t, server)
    t.same(await provider.candidates(signal()), [])
    let changes = 0
    const stop = provider.watch(() => { changes++ })
    await namespace.createPod('changewell-1', { ip: null })
    await waitFor(async () => changes > 0)
    t.same(await provider.candidates(signal()), [])
    await namespace.giveAddress('changewell-1', '10.0.0.2')
    await waitFor(async () => (await provider.candidates(signal())).length === 1)
    const before = changes
    stop()
    await namespace.finishPod('changewell-1')
    await waitFor(async () => (await provider.candidates(signal())).length === 0)
    t.equal(changes, before, 'nothing is told to whoever listens no longer')
  })

  await t.test('what was told of pods is not taken back by a first list that comes late', async (t) => {
    const namespace = await Namespace.create(t, server)
    await namespace.createPod('changewell-0')
    const meddler = await namespace.meddler()
    let release = (): void => {}
    const released = new Promise<void>((resolve) => { release = resolve })
    meddler.meddle(({ isWatch }) => isWatch ? 'stalled' : meddler.count('GET', 'list') === 1 ? { until: released } : null)
    const provider = await namespace.open('changewell-0', { meddler })
    await waitFor(async () => meddler.count('GET', 'list') > 0)
    await namespace.createPod('changewell-1', { ip: '10.0.0.2' })
    const told = provider.candidates(signal())
    // Long enough for a list of its own to be answered.
    const early = await Promise.race([told, sleep(500, [])])
    release()
    await waitFor(async () => meddler.count('GET', 'watch') > 0)
    t.ok((await provider.candidates(signal())).length >= early.length, 'who was told of is still there')
    await told
    meddler.meddle(() => null)
    meddler.cut()
    meddler.mend()
    await waitFor(async () => (await provider.candidates(signal())).length === 1, 'the pod that the watch tells of')
  })

  await t.test('a node tells its own pod who it is, and others find it by that', async (t) => {
    const { namespace, provider } = await one(t, server)
    const self = selfOf({ clusterId: newId(), nodeId: newId() })
    await provider.publish({ ...self, clusterId: null }, signal())
    t.match(await namespace.annotationsOf('changewell-0'), { 'changewell.io/node-id': self.nodeId, 'changewell.io/lease': 'changewell' })
    t.equal(await namespace.leaseOf('changewell'), null, 'a node of no cluster makes no Lease')
    await provider.publish(self, signal())
    t.equal((await namespace.annotationsOf('changewell-0'))['changewell.io/cluster-id'], self.clusterId)
    await namespace.createPod('changewell-1', { ip: '10.0.0.2' })
    const other = await namespace.open('changewell-1')
    t.equal(await other.resolve(self.nodeId, signal()), '10.0.0.1:9001')
    t.equal(await other.resolve(newId(), signal()), null)
    t.same(await other.candidates(signal()), [{ peerAddress: '10.0.0.1:9001', id: self.nodeId, source: 'the pod changewell-0' }])
  })

  await t.test('what a node wrote and somebody took away is written again', async (t) => {
    const { namespace, provider } = await one(t, server, { listSeconds: 1 })
    const self = selfOf({ clusterId: newId(), nodeId: newId() })
    await provider.publish(self, signal())
    await namespace.annotate('changewell-0', { 'changewell.io/node-id': null })
    await namespace.deleteLease('changewell')
    await waitFor(async () => (await namespace.annotationsOf('changewell-0'))['changewell.io/node-id'] === self.nodeId)
    await waitFor(async () => (await namespace.leaseOf('changewell'))?.spec.holderIdentity === self.clusterId)
    t.pass('the annotation and the Lease are there again')
  })

  await t.test('a pod that comes back with its volume is found at its new address', async (t) => {
    const { namespace, provider } = await one(t, server)
    const nodeId = newId()
    await namespace.createPod('changewell-1', { ip: '10.0.0.2' })
    const first = await namespace.open('changewell-1')
    await first.publish(selfOf({ clusterId: newId(), nodeId }), signal())
    await waitFor(async () => await provider.resolve(nodeId, signal()) === '10.0.0.2:9001')
    await namespace.deletePod('changewell-1')
    await waitFor(async () => (await namespace.isTerminating('changewell-1')))
    t.equal(await provider.resolve(nodeId, signal()), '10.0.0.2:9001', 'while it ends it is still there')
    await first.close()
    await namespace.finishPod('changewell-1')
    await waitFor(async () => await provider.resolve(nodeId, signal()) === null)
    await namespace.createPod('changewell-1', { ip: '10.0.0.77' })
    await waitFor(async () => (await provider.candidates(signal())).some(({ peerAddress }) => peerAddress === '10.0.0.77:9001'))
    t.equal(await provider.resolve(nodeId, signal()), null, 'until it has said who it is nothing is guessed from its name')
    const second = await namespace.open('changewell-1')
    t.match(await second.advertise(listening, signal()), { peerAddress: '10.0.0.77:9001' })
    await second.publish(selfOf({ clusterId: newId(), nodeId }), signal())
    await waitFor(async () => await provider.resolve(nodeId, signal()) === '10.0.0.77:9001')
    t.pass('it is found')
  })

  await t.test('a pod that comes back without its volume is another node', async (t) => {
    const { namespace, provider } = await one(t, server)
    const [old, young, clusterId] = [newId(), newId(), newId()]
    await namespace.createPod('changewell-1', { ip: '10.0.0.2' })
    const first = await namespace.open('changewell-1')
    await first.publish(selfOf({ clusterId, nodeId: old }), signal())
    await first.close()
    await namespace.finishPod('changewell-1')
    await namespace.createPod('changewell-1', { ip: '10.0.0.3' })
    const second = await namespace.open('changewell-1')
    const claim = await second.claim({ clusterId: newId(), nodeId: young }, signal())
    t.match(claim, { forms: false, clusterId })
    await second.publish(selfOf({ clusterId, nodeId: young }), signal())
    await waitFor(async () => await provider.resolve(young, signal()) === '10.0.0.3:9001')
    t.equal(await provider.resolve(old, signal()), null)
  })

  await t.test('a node is gone for good only when no pod is it or may still become it', async (t) => {
    const { namespace, provider, meddler } = await one(t, server)
    const [clusterId, node] = [newId(), newId()]
    const isGone = () => provider.isGone!(node, signal())
    t.equal(await isGone(), false, 'this very pod has not said who it is')
    await provider.publish(selfOf({ clusterId, nodeId: newId() }), signal())
    t.equal(await isGone(), true)
    await namespace.createPod('changewell-1', { ip: null })
    t.equal(await isGone(), false, 'a pod that waits for its machine may have its volume')
    await namespace.annotate('changewell-1', { 'changewell.io/node-id': node, 'changewell.io/cluster-id': clusterId })
    t.equal(await isGone(), false, 'it is there')
    await namespace.deletePod('changewell-1')
    t.equal(await isGone(), false, 'it ends')
    await namespace.finishPod('changewell-1')
    t.equal(await isGone(), true)
    await namespace.createPod('changewell-1', { ip: '10.0.0.2' })
    await namespace.annotate('changewell-1', { 'changewell.io/node-id': node })
    await namespace.setStatus('changewell-1', { phase: 'Failed' })
    t.equal(await isGone(), false, 'one that has failed leaves its volume to the next')
    await namespace.annotate('changewell-1', { 'changewell.io/node-id': newId() })
    t.equal(await isGone(), true, 'its volume holds another node')
    await namespace.createPod('green-0', { ip: '10.0.0.3' })
    await namespace.annotate('green-0', { 'changewell.io/lease': 'green' })
    t.equal(await isGone(), true, 'a pod of another cluster does not count')
    meddler.meddle(() => ({ status: 500 }))
    await t.rejects(isGone(), { code: 'DISCOVERY_UNAVAILABLE' })
  })

  await t.test('a pod that was replaced under its name writes nothing to the one that came after it', async (t) => {
    const { namespace, provider } = await one(t, server)
    const self = selfOf({ clusterId: newId(), nodeId: newId() })
    await provider.publish(self, signal())
    await namespace.finishPod('changewell-0')
    await namespace.createPod('changewell-0', { ip: '10.0.0.50' })
    await t.rejects(provider.publish(self, signal()), { code: 'DISCOVERY_UNAVAILABLE', message: /patch the pod changewell-0/ })
    t.same(await namespace.annotationsOf('changewell-0'), {})
  })

  await t.test('a pod that ends is asked last, one that has ended never', async (t) => {
    const { namespace, provider } = await one(t, server)
    for (const [at, name] of ['changewell-1', 'changewell-2', 'changewell-3'].entries()) await namespace.createPod(name, { ip: `10.0.0.${at + 2}` })
    await namespace.deletePod('changewell-1')
    await namespace.setStatus('changewell-2', { phase: 'Failed' })
    const sources = async (): Promise<string[]> => (await provider.candidates(signal())).map(({ source }) => source)
    await waitFor(async () => (await sources()).join() === 'the pod changewell-3,the pod changewell-1')
    t.pass('it is so')
  })

  await t.test('members come before pods that belong to no cluster yet', async (t) => {
    const { namespace, provider } = await one(t, server)
    await namespace.createPod('changewell-1', { ip: '10.0.0.2' })
    await namespace.createPod('changewell-2', { ip: '10.0.0.3' })
    const member = await namespace.open('changewell-2')
    await member.publish(selfOf({ clusterId: newId(), nodeId: newId() }), signal())
    await waitFor(async () => (await provider.candidates(signal()))[0]?.source === 'the pod changewell-2')
    t.equal((await provider.candidates(signal())).length, 2)
  })

  await t.test('the address that a node advertises is its pod\'s', async (t) => {
    const namespace = await Namespace.create(t, server)
    await namespace.createPod('changewell-0', { ip: null })
    const provider = await namespace.open('changewell-0')
    await t.rejects(provider.advertise(listening, signal()), { code: 'DISCOVERY_UNAVAILABLE', message: /has no address yet/ })
    await namespace.giveAddress('changewell-0', '10.0.0.5')
    await waitFor(async () => await provider.advertise(listening, signal()).then(() => true, () => false))
    t.match(await provider.advertise(listening, signal()), {
      peerAddress: '10.0.0.5:9001', apiAddress: '10.0.0.5:9000', reason: 'the address of the pod changewell-0, as Kubernetes says',
    })
    const mistakes: [Partial<Listening>, RegExp][] = [
      [{ peer: { host: '127.0.0.1', port: 9001 } }, /CHANGEWELL_PEER_HOST is 127.0.0.1.*Set CHANGEWELL_PEER_HOST to 0.0.0.0/],
      [{ api: { host: '127.0.0.1', port: 9000 } }, /CHANGEWELL_HOST is 127.0.0.1/],
      [{ peer: { host: '0.0.0.0', port: 9009 } }, /has 9001 for the container port named peers, but the node listens for others on 9009/],
    ]
    for (const [mistake, message] of mistakes) {
      await t.rejects(provider.advertise({ ...listening, ...mistake }, signal()), { code: 'DISCOVERY_SETTINGS', message })
    }
  })

  await t.test('a selector that does not name this pod is said, and nothing is concluded from it', async (t) => {
    const log = listener()
    const { namespace, provider } = await one(t, server, { selector: 'app.kubernetes.io/name=other', logger: log })
    const error = { code: 'DISCOVERY_UNAVAILABLE', message: /names these pods in the namespace [a-z0-9-]+: none. This pod, changewell-0, is not among them/ }
    await t.rejects(provider.candidates(signal()), error)
    await t.rejects(provider.claim({ clusterId: newId(), nodeId: newId() }, signal()), error)
    t.equal(await namespace.leaseOf('changewell'), null)
    await waitFor(async () => log.lines.some(({ message }) => /is not among them/.test(message)))
  })
}
