import { execFileSync, spawnSync } from 'node:child_process'
import { chownSync, cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { folder, until } from '../support/node.ts'
import { project } from '../support/project.ts'
import { Container, withoutContainers } from './container.ts'
import { context, dockerfile, environmentOf, said, type Instruction } from './dockerfile.ts'

/** What needs Debian's servers, and a machine that may be changed. */
const installs = 'apt-get update && apt-get install -y --no-install-recommends libatomic1 ' +
  '&& rm -rf /var/lib/apt/lists/* && install -d -o 10001 -g 10001 /data'

// No engine is needed: it is done in folders, and this machine's system and Node.js stand for those of the image.
t.test('what the Dockerfile builds runs as nobody, with a root that is read-only', { skip: withoutContainers() }, async (t) => {
  const [first, last] = dockerfile() as [Instruction[], Instruction[]]
  const built = builtStage(t, first)
  const root = join(folder(t), 'root')
  for (const { word, text } of last) {
    if (word === 'COPY') put(text.replace('--from=build ', ''), built, join(root, said(last, 'WORKDIR')))
    if (word === 'RUN') t.equal(text, installs, 'nothing else is run')
  }
  const user = said(last, 'USER')
  const data = join(folder(t), 'data')
  mkdirSync(data)
  chownSync(data, ...user.split(':').map(Number) as [number, number])
  const command = [...JSON.parse(said(last, 'ENTRYPOINT')), ...JSON.parse(said(last, 'CMD'))] as string[]
  const check = JSON.parse(/CMD (\[.*\])$/.exec(said(last, 'HEALTHCHECK'))![1]!) as string[]
  const environment = { ...environmentOf(last), CHANGEWELL_INSECURE_PEERS: 'true', CHANGEWELL_ADVERTISE: 'changewell-1' }
  const start = () => new Container(t, { root, data, user, environment }, command)

  await t.test('it holds what runs, and nothing that only builds or tests', async (t) => {
    const packages = readdirSync(join(root, 'changewell/node_modules'))
    for (const name of ['tap', 'typescript', 'tsx', 'eslint']) t.notOk(packages.includes(name), name)
    t.ok(existsSync(join(root, 'changewell/node_modules/@kubernetes/client-node')), 'and the client of Kubernetes')
    t.same(readdirSync(join(root, 'changewell')).sort(), ['LICENSE', 'dist', 'node_modules', 'package.json'])
  })

  await t.test('it serves, is found healthy, and takes writes', async (t) => {
    const container = start()
    await container.says(/https?:\/\//)
    await until(() => container.run(check).status === 0, 'the health check to pass')
    const { status } = container
    t.match(status, /^Uid:\t10001\t10001\t10001\t10001$/m)
    t.match(status, /^Gid:\t10001\t10001\t10001\t10001$/m)
    t.match(status, /^CapBnd:\t0{16}$/m)
    t.match(status, /^NoNewPrivs:\t1$/m)
    for (const path of ['/x', '/changewell/x', '/usr/x']) {
      t.match(container.run(['touch', path]), { status: 1, output: /Read-only file system|Permission denied/ }, path)
    }
    const calls = "const go = async () => (await fetch('http://127.0.0.1:9000/changes', { method: 'POST', body: JSON.stringify({ data: 1 }), headers: { 'content-type': 'application/json' } })).status"
    t.match(container.run(['node', '-e', `${calls}; go().then((status) => console.log(status))`]), { status: 0, output: /^201\n$/ })
    container.kill('SIGTERM')
    t.equal(await container.ended, 0, 'it ends by itself when it is stopped')
  })

  await t.test('it comes back with its data; when it does not answer it is found to be unhealthy', async (t) => {
    const container = start()
    await container.says(/https?:\/\//)
    await until(() => container.run(check).status === 0, 'the health check to pass')
    const read = "fetch('http://127.0.0.1:9000/changes').then(async (r) => console.log(JSON.stringify((await r.json()).changes.map(({ data }) => data))))"
    t.equal(container.run(['node', '-e', read]).output, '[1]\n')
    const [program, ...args] = check as [string, ...string[]]
    t.equal(spawnSync('unshare', ['--net', program, ...args]).status, 1, 'where nobody answers')
  })
})

/** Runs the first stage in a folder, and returns it: the root of that stage. */
function builtStage (t: Test, stage: readonly Instruction[]): string {
  const root = join(folder(t), 'build')
  const work = join(root, said(stage, 'WORKDIR'))
  const allowed = context()
  for (const { word, text } of stage) {
    if (word === 'COPY') put(text === '. .' ? `${allowed.join(' ')} ./` : text, project, work)
    // The packages are those that were installed here: they are on this machine already.
    if (word === 'RUN') {
      const env = { ...process.env, npm_config_prefer_offline: 'true' }
      execFileSync('sh', ['-c', text], { cwd: work, env, stdio: 'pipe' })
    }
  }
  return root
}

/** COPY, of names into a folder or of one to another name. */
function put (text: string, from: string, to: string): void {
  const names = text.split(' ')
  const target = join(to, names.pop()!)
  const isFolder = text.endsWith('/')
  mkdirSync(isFolder ? target : to, { recursive: true })
  for (const name of names) {
    const at = isFolder ? join(target, basename(name)) : target
    cpSync(join(from, name), at, { recursive: true, verbatimSymlinks: true })
  }
}
