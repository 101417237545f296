import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { folder, spawnNode, startProcess, until } from '../support/node.ts'
import { brokenProvider } from './broken.ts'
import { says } from './world.ts'

test('a node that cannot say who it is goes on, and says it again later, whatever the provider throws', async (t) => {
  const node = await startProcess(t, {
    CHANGEWELL_DISCOVERY: brokenProvider(t, `
      publish () {
        const failures = [Object.assign(new Error('the token is wrong'), { code: 'DISCOVERY_SETTINGS' }), undefined, 'no', null]
        context.attempts = (context.attempts ?? 0) + 1
        if (context.attempts <= failures.length) throw failures[context.attempts - 1]
        context.logger.info({}, 'the place knows who this node is')
      }`),
  })
  await says(node, /could not be published: the token is wrong/)
  await says(node, /could not be published: discovery by broken has no answer to publish: undefined/)
  await says(node, /could not be published: .* 'no'/)
  await says(node, /the place knows who this node is/)
  t.equal((await fetch(`${node.url}/readyz`)).status, 200)
})

test('a node believes no answer that is none: it forms no cluster, waits and says so', async (t) => {
  for (const [methods, words] of [
    ["claim: async () => ({ forms: 'no' })", /broken answers claim with \{ forms: 'no' \}, which must be \{ forms: true \}/],
    ["claim: async () => ({ forms: false, clusterId: null, reason: 'it joins' }), candidates: async () => null",
      /broken answers candidates with null, which must be a list/],
  ] as const) {
    const node = await startProcess(t, { CHANGEWELL_DISCOVERY: brokenProvider(t, methods) })
    await says(node, words)
    const answer = await fetch(`${node.url}/readyz`)
    t.equal(answer.status, 503)
    t.match(await answer.json(), { detail: words })
    await node.kill('SIGTERM')
  }
  const node = await startProcess(t, { CHANGEWELL_DISCOVERY: brokenProvider(t, 'advertise: async () => {}') })
  await says(node, /broken answers advertise with undefined, which must be \{ peerAddress, apiAddress, reason \}/)
})

test('a provider that cannot be opened stops the start with its name', async (t) => {
  for (const [opens, words] of [
    ['undefined', 'answers open with undefined, which must be an object with name'],
    ["Promise.reject(new Error('the directory is away'))", 'has no answer to open: the directory is away'],
  ] as const) {
    const path = join(folder(t), 'mine.mjs')
    writeFileSync(path, `export default async () => ${opens}`)
    const node = spawnNode(t, { CHANGEWELL_DISCOVERY: path })
    t.match(await node.ended, { code: 1 })
    t.match(node.lines.join('\n'), `changewell: discovery by ${path} (CHANGEWELL_DISCOVERY) ${words}`)
  }
})

test('a provider that neither publishes nor closes does not keep a node from ending', async (t) => {
  const node = await startProcess(t, {
    CHANGEWELL_DISCOVERY: brokenProvider(t, 'publish: () => new Promise(() => {}), close: () => new Promise(() => {})'),
  })
  await until(async () => (await fetch(`${node.url}/readyz`)).status === 200, 'it to be ready')
  node.child.kill('SIGTERM')
  t.same(await node.ended, { code: 0, signal: null })
  t.match(node.lines.join('\n'), /discovery by broken has no answer to close: It was not done within/)
})
