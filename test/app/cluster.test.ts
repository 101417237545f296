import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { clusterCertificates } from '../../app/certificates/cluster-certificates.ts'
import { CertificateFolder } from '../../app/certificates/folder.ts'
import { issue } from '../../app/certificates/issue.ts'
import { days } from '../support/certificates.ts'
import { ask } from '../tls/https.ts'
import { until } from '../support/node.ts'
import { folder, run, start } from './command.ts'

test('three nodes run with one command, serve over TLS, and stop with it', async (t) => {
  const dir = folder(t)
  const { says, child, ended } = start(t, ['cluster', '--dir', dir, '--port', '0'])
  const said = await says(/Ctrl-C stops the nodes/)
  const ports = [...said.matchAll(/^node-\d {2}https:\/\/127\.0\.0\.1:(\d+)$/gm)].map(([, port]) => Number(port))
  t.equal(ports.length, 3)
  const [cacert, cert, key] = [...said.matchAll(/--(?:cacert|cert|key) ([^\s"]+)/g)].map(([, path]) => readFileSync(path!, 'utf8'))
  const options = { ca: cacert!, cert: cert!, key: key! }
  await until(async () => {
    const { body } = await ask(ports[1]!, '/cluster', options)
    return body.members.length === 3 && body.members.every((member: { state: string }) => member.state === 'voter')
  }, 'three voters', 60)
  t.match(await ask(ports[2]!, '/changes', { ...options, method: 'POST', body: { data: 'hello' } }), { status: 201 })
  // Members are seen over HTTPS by a command, too.
  const [ca, own, ownKey] = ['ca.pem', 'admin.pem', 'admin.key'].map((file) => join(dir, 'certs', file))
  const lead = (port: number, ...more: string[]) => (
    run(t, ['member', 'lead', ...more, '--url', `https://127.0.0.1:${port}`], settings))
  const list = (settings: Record<string, string>) => run(t, ['member', 'list', '--url', `https://127.0.0.1:${ports[0]}`], settings)
  const settings = { CHANGEWELL_CALL_CA: ca!, CHANGEWELL_CALL_CERT: own!, CHANGEWELL_CALL_KEY: ownKey! }
  t.match(await list(settings), { code: 0, stdout: /leads/ })
  const leads = /^([0-9a-f]{16}) leads\n$/
  for (const port of ports) t.match(await lead(port), { code: 0, stdout: leads }, 'through any node')
  const { id } = (await ask(ports[0]!, '/cluster', options)).body
  const handed = await lead(ports[0]!, '--if-leader')
  t.match(handed, { code: 0, stdout: leads })
  t.not(leads.exec(handed.stdout)?.[1], id)
  t.equal((await lead(ports[0]!, '--if-leader')).stdout, handed.stdout, 'it does not lead, and nothing is done')
  t.match(await list({}), { code: 1, stderr: /CHANGEWELL_CALL_CA/ })
  t.match(await list({ CHANGEWELL_CALL_CA: '/nowhere' }), { code: 1, stderr: /\/nowhere cannot be read \(ENOENT\); correct CHANGEWELL_CALL_CA/ })
  t.match(await list({ CHANGEWELL_CALL_CERT: own! }), { code: 2, stderr: /set both or none/ })
  child.kill('SIGINT')
  t.match(await ended, { code: 0, stderr: '' })
  for (const port of ports) await t.rejects(ask(port, '/livez', options))
  t.ok(existsSync(join(dir, 'node-3', 'node-id')))
})

test('a key that ends it while it starts ends what has been started', async (t) => {
  const dir = folder(t)
  const { child, ended } = start(t, ['cluster', '--dir', dir, '--port', '0'])
  await until(() => existsSync(join(dir, 'node-1', 'node-id')), 'the first node', 60)
  child.kill('SIGINT')
  t.match(await ended, { code: 0, stdout: '', stderr: '' })
  for (const pid of pidsIn(dir)) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})

test('a node that ends by itself is told of, and ends the others', async (t) => {
  const dir = folder(t)
  const { says, ended } = start(t, ['cluster', '--dir', dir, '--port', '0'])
  await says(/Ctrl-C stops the nodes/)
  await until(() => pidsIn(dir).length === 3, 'each node to say its id')
  const pids = pidsIn(dir)
  process.kill(pids[2]!, 'SIGKILL')
  t.match(await ended, { code: 1, stderr: /node-3 ended by itself.*node-3\.log/ })
  for (const pid of pids) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})

test('nodes end when the command is killed', async (t) => {
  const dir = folder(t)
  const { says, child, ended } = start(t, ['cluster', '--dir', dir, '--port', '0'])
  await says(/Ctrl-C stops the nodes/)
  await until(() => pidsIn(dir).length === 3, 'each node to say its id')
  const pids = pidsIn(dir)
  child.kill('SIGKILL')
  await ended
  await until(() => !pids.some(isRunning), 'the nodes to end', 120)
})

test('nodes that are still starting when the command is killed end as well', async (t) => {
  const dir = folder(t)
  const { child, ended } = start(t, ['cluster', '--dir', dir, '--port', '0'])
  await until(() => existsSync(join(dir, 'node-1', 'node-id')), 'the first node', 60)
  // It starts no other meanwhile.
  child.kill('SIGSTOP')
  const pids = childrenOf(child.pid!)
  t.ok(pids.length > 0)
  child.kill('SIGKILL')
  await ended
  await until(() => !pids.some(isRunning), 'the node to end', 120)
})

/** A process that has ended, and that nobody has asked about yet, counts as gone. */
function isRunning (pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

function childrenOf (pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter((text) => text !== '').map(Number)
}

/** Of the nodes that have said something, in their order. */
function pidsIn (dir: string): number[] {
  const logs = [1, 2, 3].map((n) => join(dir, `node-${n}.log`)).filter((path) => existsSync(path))
  return logs.flatMap((path) => /"pid":(\d+)/.exec(readFileSync(path, 'utf8'))?.[1] ?? []).map(Number)
}

test('certificates that expire soon, and those that do not go with their authority, are made anew', async (t) => {
  const dir = folder(t)
  const first = await clusterCertificates(dir)
  t.same(first.warnings, [])
  const read = (file: string): string => readFileSync(join(dir, file), 'utf8')
  const files = ['ca.pem', 'cluster-ca.pem', 'server.pem', 'server.key', 'peer.pem', 'admin.pem']
  const before = Object.fromEntries(files.map((file) => [file, read(file)]))
  const anew = async () => {
    await clusterCertificates(dir)
    return files.filter((file) => read(file) !== before[file])
  }
  t.same(await anew(), [])
  const soon = { file: 'server', authority: 'ca', commonName: 'localhost', names: [], usages: [], days: 59 } as const
  await first.folder.make(soon, true)
  t.same(await anew(), ['server.pem', 'server.key'])
  t.ok(await first.folder.daysLeft('server', 'ca') > 364)
  Object.assign(before, { 'server.pem': read('server.pem'), 'server.key': read('server.key') })
  await first.folder.make({ ...soon, days: 61 }, true)
  const lasting = read('server.pem')
  await clusterCertificates(dir)
  t.equal(read('server.pem'), lasting)
  // Of another authority, damaged, and not there.
  await first.folder.make({ ...soon, file: 'peer', days: 300 }, true)
  writeFileSync(join(dir, 'server.key'), 'spoilt')
  rmSync(join(dir, 'admin.pem'))
  t.same(await anew(), ['server.pem', 'server.key', 'peer.pem', 'admin.pem'])
  rmSync(join(dir, 'ca.key'))
  t.same(await anew(), files, 'all of them, where an authority is gone')
})

test('the command renews what expires soon, and says what to do about authorities that do', async (t) => {
  const dir = folder(t)
  const certs = join(dir, 'certs')
  await new CertificateFolder(certs).init({ days: 40 })
  const { says, child, ended } = start(t, ['cluster', '--dir', dir, '--port', '0'])
  await says(/Ctrl-C stops the nodes/)
  child.kill('SIGINT')
  const { code, stderr } = await ended
  t.equal(code, 0)
  for (const file of ['ca', 'cluster-ca']) {
    t.match(stderr, new RegExp(`changewell: The authority .*certs/${file}\\.pem expires in 39 days\\. Delete .*certs: the next start makes`))
  }
  const over = issue({ commonName: 'Changewell CA', isAuthority: true, notBefore: days(-9), notAfter: days(-1) })
  writeFileSync(join(certs, 'ca.pem'), over.certificate)
  writeFileSync(join(certs, 'ca.key'), over.key)
  t.match(await run(t, ['cluster', '--dir', dir, '--port', '0']), { code: 1, stderr: /certs\/ca\.pem has expired, or is damaged\. Delete / })
})

test('what the command does not take is refused', async (t) => {
  t.match(await run(t, ['cluster', '--port', 'x']), { code: 2, stderr: /--port needs a number/ })
  t.match(await run(t, ['cluster', '--nodes', '5']), { code: 2, stderr: /Usage: changewell cluster/ })
})
