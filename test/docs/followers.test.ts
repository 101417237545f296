import { execFile, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test, type Test } from 'tap'
import { freePort } from '../support/free-port.ts'
import { folder, listeningNode, startProcess, until } from '../support/node.ts'

const programs = new URL('../../docs/start/', import.meta.url)
// A program for readers of the documentation, in plain JavaScript: nothing is known of its types.
const { Copy, follow } = await import(new URL('follow.mjs', programs).href)
const hasJava = await promisify(execFile)('java', ['-version']).then(() => true, () => false)

test('the follower for Node has the same copy as the node, although that was killed in between', async (t) => {
  const dataDir = folder(t)
  const first = await startProcess(t, { CHANGEWELL_DATA_DIR: dataDir, CHANGEWELL_PORT: String(await freePort()) })
  const { url } = first
  const copy = followed(t, url)
  await request(`${url}/tenants`, 'POST', { name: 'coke' })
  await request(`${url}/tenants`, 'POST', { name: 'coke/deployments' })
  for (const tenant of ['coke', 'coke%2Fdeployments']) await request(`${url}/tenants/${tenant}/collections`, 'POST', { name: 'settings' })
  await request(`${url}/tenants/coke/collections/settings/keys/colour`, 'PUT', { data: 'red' })
  await until(() => copy.get('coke', 'settings', 'colour') === 'red', 'the first value in the copy')

  await first.kill('SIGKILL')
  await startProcess(t, { CHANGEWELL_DATA_DIR: dataDir, CHANGEWELL_PORT: new URL(url).port })
  await request(`${url}/changes`, 'POST', {
    changes: [
      { tenant: 'coke', collection: 'settings', key: 'colour', data: 'blue' },
      { tenant: 'coke', collection: 'settings', key: 'size', data: { width: 1 } },
      { tenant: 'coke/deployments', collection: 'settings', key: 'sites', data: [] },
      { data: 'an event' },
    ],
  })
  await request(`${url}/tenants/coke/collections/settings/keys/colour`, 'DELETE')
  await request(`${url}/tenants/coke`, 'PUT', { name: 'cola' })
  await request(`${url}/tenants/cola/collections/settings?recursive=true`, 'DELETE')
  await request(`${url}/tenants/cola/collections`, 'POST', { name: 'settings' })
  const { revision } = await request(`${url}/tenants/cola/collections/settings/keys/last`, 'PUT', { data: null })
  await until(() => copy.revision === revision, 'the last change in the copy')
  t.same(copy.tenants, await snapshotOf(url))
  t.same([...copy.tenants.keys()].sort(), ['cola', 'cola/deployments'])
})

test('the follower for Node begins anew when the history that it lacks is gone', async (t) => {
  const { app, url } = await listeningNode(t, { feedTailBytesMax: 64 * 1024 })
  await request(`${url}/tenants`, 'POST', { name: 'coke' })
  await request(`${url}/tenants/coke/collections`, 'POST', { name: 'settings' })
  const stop = new AbortController()
  const copy = followed(t, url, stop)
  await until(() => copy.revision === 2, 'the copy')
  stop.abort()
  await request(`${url}/cluster/settings`, 'PUT', { historyChanges: 1 })
  for (let round = 0; round < 5; round++) {
    await request(`${url}/tenants/coke/collections/settings/keys/${round}`, 'PUT', { data: 'x'.repeat(30_000) })
  }
  await until(() => app.database.firstRevision > 3, 'the history to be cut')
  t.equal((await fetch(`${url}/changes?since=2`)).status, 410)
  const again = followed(t, url, undefined, copy)
  await until(() => again.revision === app.database.revision, 'the copy to be made anew')
  t.same(again.tenants, await snapshotOf(url))
})

if (hasJava) {
  test('the follower for Java prints every change once, although the node was killed in between', async (t) => {
    const dataDir = folder(t)
    const first = await startProcess(t, { CHANGEWELL_DATA_DIR: dataDir, CHANGEWELL_PORT: String(await freePort()) })
    const { url } = first
    for (const data of ['one', 'two']) await request(`${url}/changes`, 'POST', { data })
    const java = spawn('java', [fileURLToPath(new URL('Follow.java', programs)), url], { stdio: ['ignore', 'pipe', 'ignore'] })
    t.teardown(() => java.kill('SIGKILL'))
    let printed = ''
    java.stdout.setEncoding('utf8').on('data', (text: string) => { printed += text })
    await until(() => printed.includes('"two"'), 'what was there before', 60)
    await first.kill('SIGKILL')
    await startProcess(t, { CHANGEWELL_DATA_DIR: dataDir, CHANGEWELL_PORT: new URL(url).port })
    await request(`${url}/changes`, 'POST', { data: 'three' })
    await until(() => printed.includes('"three"'), 'what came later', 60)
    const pages = printed.trim().split('\n').map((page) => JSON.parse(page) as { changes: Array<{ revision: number }> })
    t.same(pages.flatMap(({ changes }) => changes.map(({ revision }) => revision)), [1, 2, 3])
  })
}

test('the pages show the programs as they are', async (t) => {
  for (const [page, program] of [['follow-from-node.md', 'follow.mjs'], ['follow-from-java.md', 'Follow.java']] as const) {
    const text = await readFile(new URL(page, programs), 'utf8')
    t.ok(text.includes(await readFile(new URL(program, programs), 'utf8')), `${page} holds ${program}`)
  }
})

/** A copy that follows the node until the test ends or the controller says stop. */
function followed (t: Test, url: string, stop = new AbortController(), copy = new Copy()) {
  const done = follow(url, copy, { signal: stop.signal, onError: (message: string) => t.comment(message) })
  t.teardown(async () => {
    stop.abort()
    await done
  })
  return copy
}

async function snapshotOf (url: string): Promise<unknown> {
  const copy = new Copy()
  const text = await (await fetch(`${url}/snapshot`)).text()
  for (const line of text.trim().split('\n')) copy.load(JSON.parse(line))
  return copy.tenants
}

async function request (url: string, method: string, body?: unknown): Promise<{ revision: number }> {
  const response = await fetch(url, {
    method, ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${url}: ${await response.text()}`)
  return await response.json() as { revision: number }
}
