import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { once } from 'node:events'
import { test, type Test } from 'tap'
import { program } from '../support/build.ts'
import { project } from '../support/project.ts'
import { folder, run, start, type Running } from './command.ts'

const url = /http:\/\/127\.0\.0\.1:\d+/

function node (t: Test, settings: Record<string, string>): Running {
  return start(t, ['serve'], { CHANGEWELL_PORT: '0', CHANGEWELL_PEER_PORT: '0', ...settings })
}

/** One line, without a stack, that names the remedy. */
function isExplained (t: Test, { code, stderr }: { code: number | null, stderr: string }, words: RegExp): void {
  t.equal(code, 1)
  t.match(stderr, words)
  t.match(stderr, /^changewell: [^\n]*\n$/)
}

test('a node says where it listens, where its data is and how to try it, serves, and stops when told to', async (t) => {
  const dataDir = folder(t)
  const { child, says, ended } = node(t, { CHANGEWELL_DATA_DIR: dataDir })
  const lines = (await says(/try it/)).trim().split('\n').map((line) => JSON.parse(line))
  const said = lines.map(({ msg }) => msg as string)
  t.ok(said.some((line) => /listens on http/.test(line)))
  t.ok(said.some((line) => line.includes(dataDir)))
  const [address = ''] = url.exec(said.find((line) => /try it: curl/.test(line))!)!
  const [, body = ''] = /-d '([^']*)'/.exec(said.find((line) => /try it: curl/.test(line))!)!
  const written = await fetch(`${address}/changes`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  t.equal(written.status, 201)
  t.match(await (await fetch(`${address}/changes`)).json(), { lastRevision: 1 })
  t.equal((await fetch(`${address}/readyz`)).status, 200)
  child.kill('SIGTERM')
  const { code, stdout, stderr } = await ended
  t.equal(code, 0)
  t.equal(stderr, '')
  t.match(stdout, /the node stops/)
})

test('clients that send and take nothing more are cut off in time, and the node stops in order all the same', async (t) => {
  const dataDir = folder(t)
  const { child, says, ended, output } = node(t, { CHANGEWELL_DATA_DIR: dataDir, CHANGEWELL_SHUTDOWN_SECONDS: '1' })
  const [address = ''] = url.exec(await says(/try it/))!
  const write = (path: string, body: object): Promise<Response> => fetch(`${address}${path}`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  })
  await write('/tenants', { name: 'big' })
  await write('/tenants/big/collections', { name: 'c' })
  for (let key = 0; key < 12; key++) {
    t.equal((await write('/changes', { tenant: 'big', collection: 'c', key: `${key}`, data: 'x'.repeat(2 ** 20) })).status, 201)
  }
  const [half, reader] = ['POST /changes HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{',
    'GET /snapshot HTTP/1.1\r\nhost: a\r\n\r\n'].map((request) => {
    const socket = connect(Number(new URL(address).port), '127.0.0.1', () => socket.write(request))
    t.teardown(() => socket.destroy())
    return socket.on('error', () => {})
  }) as [Socket, Socket]
  await once(reader, 'readable')
  // What was sent on a connection made before another one's is there when that one is answered.
  if (half.connecting) await once(half, 'connect')
  t.equal((await fetch(`${address}/livez`)).status, 200)
  child.kill('SIGTERM')
  const { code, stderr } = await ended
  t.equal(code, 0, output.stdout)
  t.equal(stderr, '')
  t.match(output.stdout, /requests are cut off that did not end within 1 seconds/)
})

test('a person at a terminal gets plain lines', async (t) => {
  const dataDir = folder(t)
  const { child, says, ended } = node(t, { CHANGEWELL_DATA_DIR: dataDir, CHANGEWELL_LOG_FORMAT: 'pretty' })
  const stdout = await says(/documentation/)
  t.match(stdout, /^Changewell \d\S* listens on http:\/\/127\.0\.0\.1:\d+$/m)
  t.match(stdout, new RegExp(`^Its data is in ${dataDir}$`, 'm'))
  t.match(stdout, /^Try it: {2}curl .*\/changes$/m)
  child.kill('SIGINT')
  t.equal((await ended).code, 0)
})

/** For a process of the test: localhost has two addresses there, both of the loopback. */
const twoAddresses = `import dns from 'node:dns'
const { lookup } = dns
const both = [{ address: '127.0.0.1', family: 4 }, { address: '127.0.0.2', family: 4 }]
dns.lookup = (host, options, done) => host === 'localhost' && options.all ? done(null, both) : lookup(host, options, done)`

test('a name that has several addresses gets one listener, the one that it tells of', async (t) => {
  const { says, child, ended } = node(t, {
    CHANGEWELL_DATA_DIR: folder(t),
    CHANGEWELL_HOST: 'localhost',
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(twoAddresses)}`,
  })
  const [told = ''] = /http:\/\/[0-9a-f.:[\]]+/.exec(await says(/try it/))!
  const { hostname, port } = new URL(told)
  const answered: string[] = []
  for (const address of ['127.0.0.1', '127.0.0.2', '[::1]']) {
    if (await fetch(`http://${address}:${port}/livez`).then(() => true, () => false)) answered.push(address)
  }
  t.same(answered, [hostname])
  child.kill('SIGTERM')
  t.equal((await ended).code, 0)
})

test('wrong settings are listed, all of them, and nothing starts', async (t) => {
  const settings = { CHANGEWELL_PORT: '12abc', CHANGEWELL_DATA_DRI: folder(t) }
  const { code, stdout, stderr } = await run(t, ['serve'], settings)
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(stderr, /CHANGEWELL_PORT is "12abc"; it must be/)
  t.match(stderr, /CHANGEWELL_DATA_DRI is not a setting; did you mean CHANGEWELL_DATA_DIR\?/)
  t.notMatch(stderr, /\n +at /)
})

test('arguments that serve does not take are refused', async (t) => {
  t.match(await run(t, ['serve', '--port', '9000']), { code: 2, stderr: /takes no arguments/ })
})

test('a second node on the same folder is refused with the reason', async (t) => {
  const dataDir = folder(t)
  const first = node(t, { CHANGEWELL_DATA_DIR: dataDir })
  await first.says(/listens on/)
  isExplained(t, await node(t, { CHANGEWELL_DATA_DIR: dataDir }).ended, /another process/i)
  first.child.kill('SIGTERM')
  t.equal((await first.ended).code, 0)
})

test('a port that is in use is named, and how to choose another', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const ended = await node(t, { CHANGEWELL_DATA_DIR: folder(t), CHANGEWELL_PORT: String(port) }).ended
  isExplained(t, ended, new RegExp(`127\\.0\\.0\\.1:${port} is in use.*CHANGEWELL_PORT`))
})

test('an address for other nodes that is not one of this machine is named with its own setting', async (t) => {
  const settings = { CHANGEWELL_DATA_DIR: folder(t), CHANGEWELL_PEER_HOST: '192.0.2.1', CHANGEWELL_INSECURE_PEERS: 'true' }
  isExplained(t, await node(t, settings).ended, /192\.0\.2\.1 is not an address .*CHANGEWELL_PEER_HOST/)
})

test('on a terminal the log is for people, and the node ends with the key for it', async (t) => {
  // Without a shell between, which the key would end as well.
  const command = `exec ${process.execPath} ${program()} serve`
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: project,
    env: { PATH: process.env.PATH, CHANGEWELL_PORT: '0', CHANGEWELL_PEER_PORT: '0', CHANGEWELL_DATA_DIR: folder(t) },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'close')
  let said = ''
  let isTold = false
  for await (const text of child.stdout.setEncoding('utf8')) {
    said += text
    if (isTold || !/documentation\r\n/.test(said)) continue
    isTold = true
    // What the key for the end sends, SIGINT.
    child.stdin.write('\x03')
  }
  t.match(said, /^Changewell \d\S* listens on http:\/\/127\.0\.0\.1:\d+\r$/m)
  t.notMatch(said, /^\{"level"/m)
  t.match(said, /the node stops/)
  t.equal((await ended)[0], 0)
})

test('a data folder that cannot be one is named', async (t) => {
  const file = join(folder(t), 'file')
  writeFileSync(file, '')
  isExplained(t, await node(t, { CHANGEWELL_DATA_DIR: file }).ended, /CHANGEWELL_DATA_DIR/)
})
