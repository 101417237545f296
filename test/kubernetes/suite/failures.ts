import { renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { ApiServer } from '../api-server.ts'
import type { Fate } from '../meddler.ts'
import { listener, type Namespace } from '../namespace.ts'
import { newId, one, selfOf, signal, waitFor, type One } from './support.ts'

/** What becomes of discovery when the API server, the way to it, or the rights fail. */
export async function failuresSuite (t: Test, server: ApiServer): Promise<void> {
  for (const [what, fate] of [
    ['answers 500', { status: 500 }], ['answers 403', { status: 403 }], ['answers 429', { status: 429, headers: { 'retry-after': '1' } }],
    ['answers nothing', 'stalled'],
  ] as [string, Fate][]) {
    await t.test(`an API server that ${what} leaves what was known, and is heard again afterwards`, async (t) => {
      const log = listener()
      const { namespace, meddler, provider } = await known(t, server, { logger: log, listSeconds: 1 })
      const calls = meddler.calls.length
      meddler.meddle(() => fate)
      await waitFor(async () => meddler.calls.length > calls + 1)
      if (fate !== 'stalled') await waitFor(async () => log.lines.some(({ message }) => /what was known of the pods stays/.test(message)))
      t.equal((await provider.candidates(signal())).length, 1, 'the other pod is still known')
      await namespace.createPod('changewell-2', { ip: '10.0.0.3' })
      meddler.meddle(() => null)
      await waitFor(async () => (await provider.candidates(signal())).length === 2, 'the pod that came meanwhile')
    })
  }

  await t.test('a right that was taken away is named by the rule that is missing, as an error', async (t) => {
    const log = listener()
    const { namespace, provider } = await known(t, server, { logger: log, listSeconds: 1 })
    await namespace.forbid('pods', 'list')
    await waitFor(async () => log.lines.some(({ level, message }) => (
      level === 'error' && message.includes('lacks this rule: apiGroups: [""], resources: ["pods"], verbs: ["list"]'))))
    t.equal((await provider.candidates(signal())).length, 1, 'what was known stays')
    await namespace.forbid('pods', 'watch')
    await waitFor(async () => log.lines.some(({ message }) => message.includes('resources: ["pods"], verbs: ["watch"]')))
    await namespace.createPod('changewell-2', { ip: '10.0.0.3' })
    await waitFor(async () => (await provider.candidates(signal())).length === 2, 'a pod that the list shows, the watch being forbidden')
    await namespace.forbid('pods', 'patch')
    await t.rejects(provider.publish(selfOf({ clusterId: newId(), nodeId: newId() }), signal()),
      { code: 'DISCOVERY_REFUSED', message: /forbids this pod to patch the pod changewell-0.*verbs: \["patch"\]/ })
    await namespace.forbid('pods', 'get')
    const another = await namespace.open('changewell-1')
    await t.rejects(another.publish(selfOf({ clusterId: newId(), nodeId: newId() }), signal()),
      { code: 'DISCOVERY_REFUSED', message: /verbs: \["get"\]/ })
  })

  await t.test('a node that starts without any right says which, and goes on when it gets them', async (t) => {
    const log = listener()
    const { namespace, provider } = await one(t, server)
    await namespace.setRules([])
    const late = await namespace.open('changewell-0', { logger: log })
    await t.rejects(late.candidates(signal()), { code: 'DISCOVERY_REFUSED', message: /forbids this pod to list pods/ })
    await waitFor(async () => log.lines.some(({ level, message }) => level === 'error' && /nothing is known of other pods yet/.test(message)))
    await namespace.forbid('nothing', '')
    await waitFor(async () => await late.candidates(signal()).then(() => true, () => false))
    await provider.close()
  })

  await t.test('a token that no longer holds is read again', async (t) => {
    const log = listener()
    const { namespace, provider, meddler } = await known(t, server, { logger: log, listSeconds: 1 })
    await namespace.endToken('changewell-0')
    await waitFor(async () => log.lines.some(({ message }) => /does not take this pod's token/.test(message)))
    await t.rejects(provider.publish(selfOf({ clusterId: newId(), nodeId: newId() }), signal()), { code: 'DISCOVERY_REFUSED', message: /token/ })
    t.equal((await provider.candidates(signal())).length, 1, 'what was known stays')
    await namespace.renewToken('changewell-0')
    await namespace.createPod('changewell-2', { ip: '10.0.0.3' })
    await waitFor(async () => (await provider.candidates(signal())).length === 2, 'the pod that came meanwhile')
    await provider.publish(selfOf({ clusterId: newId(), nodeId: newId() }), signal())
    t.ok(meddler.count('PATCH') > 0)
  })

  for (const file of ['token', 'ca.crt']) {
    await t.test(`the file ${file} that is not there is named, with what to do, and read once it is`, async (t) => {
      const { namespace, provider } = await one(t, server)
      const path = join(await namespace.serviceAccountDir('changewell-0'), file)
      await provider.claim({ clusterId: newId(), nodeId: newId() }, signal())
      renameSync(path, `${path}.away`)
      await t.rejects(provider.claim({ clusterId: newId(), nodeId: newId() }, signal()), {
        code: 'DISCOVERY_UNAVAILABLE',
        message: new RegExp(`was not asked to read the Lease .* the file ${path} cannot be read \\(ENOENT\\)\\. .*automountServiceAccountToken`),
      })
      renameSync(`${path}.away`, path)
      t.match(await provider.claim({ clusterId: newId(), nodeId: newId() }, signal()), { forms: false })
    })
  }

  await t.test('a call that gets 401 once is made again at once, with the token read anew', async (t) => {
    const { namespace, provider, meddler } = await known(t, server)
    let refusals = 0
    meddler.meddle(({ method }) => method === 'PATCH' && refusals++ === 0 ? { status: 401 } : null)
    await provider.publish({ ...selfOf({ clusterId: newId(), nodeId: newId() }), clusterId: null }, signal())
    t.equal(refusals, 2)
    t.ok((await namespace.annotationsOf('changewell-0'))['changewell.io/node-id'])
  })

  await t.test('a watch goes on where it broke, and lists anew only when the server has forgotten that (410)', async (t) => {
    const log = listener()
    const { namespace, provider, meddler } = await known(t, server, { logger: log, listSeconds: 600 })
    const watches = meddler.count('GET', 'watch')
    const lists = meddler.count('GET', 'list')
    meddler.cut()
    await namespace.createPod('changewell-2', { ip: '10.0.0.3' })
    meddler.mend()
    await waitFor(async () => (await provider.candidates(signal())).length === 2)
    t.ok(meddler.count('GET', 'watch') > watches, 'there is another watch')
    t.equal(meddler.count('GET', 'list'), lists, 'and no other list')
    meddler.cut()
    await namespace.finishPod('changewell-2')
    // A server that starts again knows what is, and no longer what happened.
    await server.kill()
    await server.start()
    await namespace.createPod('changewell-3', { ip: '10.0.0.4' })
    meddler.mend()
    await waitFor(async () => (await provider.candidates(signal())).map(({ source }) => source).join() === 'the pod changewell-1,the pod changewell-3')
    t.ok(meddler.count('GET', 'list') > lists, 'there is another list')
    t.ok(log.lines.some(({ message }) => /no longer knows where this watch was/.test(message)))
  })

  await t.test('a watch that falls silent is made up for by the list', async (t) => {
    const { namespace, provider, meddler } = await known(t, server, { listSeconds: 2 })
    meddler.meddle(({ isWatch }) => isWatch ? 'stalled' : null)
    await namespace.createPod('changewell-2', { ip: '10.0.0.3' })
    await waitFor(async () => (await provider.candidates(signal())).length === 2)
    t.pass('it is known')
  })

  await t.test('an API server that is gone leaves what was known, and is found again', async (t) => {
    const { namespace, provider } = await known(t, server, { listSeconds: 1 })
    await server.kill()
    t.equal((await provider.candidates(signal())).length, 1)
    await t.rejects(provider.publish({ ...selfOf({ clusterId: newId(), nodeId: newId() }), clusterId: null }, signal()),
      { code: 'DISCOVERY_UNAVAILABLE', message: /gave no answer/ })
    await t.rejects(provider.claim({ clusterId: newId(), nodeId: newId() }, signal()), { code: 'DISCOVERY_UNAVAILABLE' })
    await server.start()
    await namespace.createPod('changewell-2', { ip: '10.0.0.3' })
    await waitFor(async () => (await provider.candidates(signal())).length === 2)
    t.equal(await namespace.leaseOf('changewell'), null, 'no cluster was formed')
  })

  await t.test('closing ends what waits', async (t) => {
    const { provider, meddler } = await known(t, server)
    meddler.meddle(() => 'stalled')
    const ending = new AbortController()
    const claim = provider.claim({ clusterId: newId(), nodeId: newId() }, ending.signal)
    ending.abort(new Error('it is over'))
    await t.rejects(claim, { message: 'it is over' })
    await provider.close()
    await provider.close()
  })
}

/** A provider that knows of one other pod, changewell-1. */
async function known (t: Test, server: ApiServer, options: Parameters<Namespace['open']>[1] = {}): Promise<One> {
  const all = await one(t, server, options)
  await all.namespace.createPod('changewell-1', { ip: '10.0.0.2' })
  await waitFor(async () => (await all.provider.candidates(signal())).length === 1)
  return all
}
