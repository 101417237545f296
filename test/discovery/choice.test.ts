import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { loadConfig } from '../../app/config.ts'
import { openProvider } from '../../plugins/discovery/open-provider.ts'
import { overridden, readOverride } from '../../plugins/discovery/override.ts'
import { folder, spawnNode } from '../support/node.ts'
import { brokenProvider } from './broken.ts'
import { quiet } from './names.ts'

function open (discovery: string, discoveryOptions = '') {
  return openProvider({ ...loadConfig({}), discovery, discoveryOptions }, quiet)
}

test('the provider is the one that the setting names, and gets its own settings', async (t) => {
  t.equal((await open('raw')).name, 'raw')
  const path = brokenProvider(t, 'name: context.settings.name')
  t.equal((await open(path, '{"name":"mine"}')).name, 'mine')
})

test('what is no provider stops the start with what to do', async (t) => {
  const code = 'DISCOVERY_SETTINGS'
  await t.rejects(open('not-installed-here'), { code, message: /not-installed-here.*npm install not-installed-here/ })
  await t.rejects(open('./nowhere.mjs'), { code, message: /cannot be loaded/ })
  await t.rejects(open('node:path'), { code, message: /default export is no function/ })
  const path = join(folder(t), 'mine.mjs')
  writeFileSync(path, 'export default async () => ({})')
  await t.rejects(open(path, '{'), { code, message: /CHANGEWELL_DISCOVERY_OPTIONS is not JSON/ })
  await t.rejects(open(path, '[]'), { code, message: /CHANGEWELL_DISCOVERY_OPTIONS is not a JSON object/ })

  const node = spawnNode(t, { CHANGEWELL_DISCOVERY: 'not-installed-here' })
  t.match(await node.ended, { code: 1 })
  t.match(node.lines.join('\n'), /changewell: CHANGEWELL_DISCOVERY is not-installed-here/)
})

test('a node that is told to join, but not whom, or where nobody reads it, does not start', async (t) => {
  for (const join of [',', ' , ', ' ']) {
    const node = spawnNode(t, { CHANGEWELL_JOIN: join })
    t.match(await node.ended, { code: 1 })
    t.match(node.lines.join('\n'), `changewell: CHANGEWELL_JOIN is "${join}", which names nobody. Name members`)
  }
  for (const discovery of ['kubernetes', './mine.mjs']) {
    const node = spawnNode(t, { CHANGEWELL_DISCOVERY: discovery, CHANGEWELL_JOIN: '10.0.0.7:9001' })
    t.match(await node.ended, { code: 1 })
    t.match(node.lines.join('\n'), `changewell: CHANGEWELL_JOIN is 10.0.0.7:9001, but CHANGEWELL_DISCOVERY is ${discovery}, which`)
  }
})

test('what only Kubernetes knows is not asked of others', async (t) => {
  const node = spawnNode(t, { CHANGEWELL_REMOVE_GONE_SECONDS: '600' })
  t.match(await node.ended, { code: 1 })
  t.match(node.lines.join('\n'), /changewell: CHANGEWELL_REMOVE_GONE_SECONDS is 600, but discovery by raw cannot know/)
})

const listening = { peer: { host: '0.0.0.0', port: 9001 }, api: { host: '0.0.0.0', port: 9000 }, members: [] }
const found = { peerAddress: '10.0.0.1:9001', apiAddress: '10.0.0.1:9000', reason: 'found' }

test('CHANGEWELL_ADVERTISE says where others reach the node, for nodes and for clients', async (t) => {
  const told = (text: string, api = listening.api) => {
    const { peerAddress, apiAddress } = overridden(readOverride(text), { ...listening, api }, found)
    return [peerAddress, apiAddress]
  }
  t.same(told('192.0.2.1:19001,192.0.2.2:19000'), ['192.0.2.1:19001', '192.0.2.2:19000'])
  t.same(told('node.example.org'), ['node.example.org:9001', 'node.example.org:9000'], 'the ports that it listens on')
  t.same(told('[fd00::1]:19001'), ['[fd00::1]:19001', '[fd00::1]:9000'])
  t.same(told('fd00::1, 192.0.2.2'), ['[fd00::1]:9001', '192.0.2.2:9000'])
  t.same(told(',192.0.2.2:19000'), ['10.0.0.1:9001', '192.0.2.2:19000'], 'only clients are told something else')
  t.same(told('192.0.2.1:19001', { host: '127.0.0.1', port: 9000 }), ['192.0.2.1:19001', '127.0.0.1:9000'],
    'clients are told no address at which nobody listens to them')
  for (const wrong of ['a:1,b:2,c:3', 'http://a:1', 'a:0', 'a:1:2']) {
    t.throws(() => readOverride(wrong), { code: 'DISCOVERY_SETTINGS', message: /CHANGEWELL_ADVERTISE is / }, wrong)
  }
  for (const everywhere of ['0.0.0.0', '0.0.0.0:9001', '::', '[::]', '[::]:9001', '[::0]:9001', '10.0.0.1,0.0.0.0:9000', ',::']) {
    t.throws(() => readOverride(everywhere), { code: 'DISCOVERY_SETTINGS', message: /all addresses.*It must be where others/ }, everywhere)
  }
})
