import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { until } from '../support/node.ts'

export interface ContainerOptions {
  /** The root of the image, as far as it does not come from this machine: its system and Node.js. */
  root: string
  /** Mounted at /data. */
  data: string
  /** uid:gid */
  user: string
  environment: Record<string, string>
}

/** What an image of Debian would bring; some of it are links into usr. */
const system = ['usr', 'bin', 'sbin', 'lib', 'lib64', 'etc'].filter((name) => existsSync(`/${name}`))
const isLink = (name: string): boolean => lstatSync(`/${name}`).isSymbolicLink()
const folders = system.filter((name) => !isLink(name))

/** Why no containers can be made here, for the `skip` of a test; false when they can. */
export function withoutContainers (): string | false {
  const made = spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', 'ip', 'link', 'set', 'lo', 'up'])
  return made.status === 0 ? false : `no namespaces can be made here: ${String(made.stderr ?? made.error).trim()}; run as root`
}

/**
 * A process as an engine would run it: pid 1 of namespaces of its own, with a root that is read-only but for /data, no
 * capability, and no way to get one.
 */
export class Container {
  readonly lines: string[] = []
  readonly ended: Promise<number | null>
  readonly #outer: ChildProcess
  /** What a command begins with: nothing of this process's environment, and no rights. */
  readonly #as: string[]

  constructor (t: Test, { root, data, user, environment }: ContainerOptions, command: readonly string[]) {
    const [uid, gid] = user.split(':')
    const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    const pairs = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
    this.#as = ['env', '-i', path, ...pairs, 'setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all']
    prepare(root)
    // Folders of this machine first, and the root that holds them last.
    const mounts = [
      'set -e', 'ip link set lo up', 'mount --make-rprivate /', `mount --bind ${root} ${root}`,
      ...folders.map((name) => `mount --rbind /${name} ${root}/${name} && mount -o remount,bind,ro ${root}/${name}`),
      `mount -t proc proc ${root}/proc`, `mount --rbind /dev ${root}/dev`, `mount --bind ${data} ${root}/data`,
      `mount -o remount,bind,ro ${root}`, `exec chroot ${root} "$@"`,
    ]
    this.#outer = spawn('unshare', [
      '--mount', '--net', '--pid', '--fork', 'sh', '-c', mounts.join('\n'), 'sh', ...this.#as, ...command,
    ], { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#outer.stdout!, this.#outer.stderr!]) createInterface({ input: stream }).on('line', (line) => this.lines.push(line))
    this.ended = once(this.#outer, 'close').then(([code]) => code as number | null)
    t.teardown(async () => {
      // What gives up its rights no longer ends with the process that began it.
      if (this.#outer.exitCode === null) this.kill('SIGKILL')
      await this.ended
    })
  }

  /** The process that is pid 1 in there. */
  get #pid (): number {
    const { pid } = this.#outer
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'))
  }

  /** What the kernel says of it. */
  get status (): string {
    return readFileSync(`/proc/${this.#pid}/status`, 'utf8')
  }

  /** Resolves when a line of its output matches. */
  async says (words: RegExp): Promise<void> {
    await until(() => this.lines.some((line) => words.test(line)), `a line with ${words}`, 60)
      .catch((error: Error) => { throw new Error(`${error.message}:\n${this.lines.join('\n')}`) })
  }

  /** Runs a command in there, as the same user. */
  run (command: readonly string[]): { status: number | null, output: string } {
    const { status, stdout, stderr } = spawnSync('nsenter', [
      `--target=${this.#pid}`, '--mount', '--net', '--pid', '--root', '--wd=/', ...this.#as, ...command,
    ], { encoding: 'utf8' })
    return { status, output: `${stdout}${stderr}` }
  }

  kill (signal: NodeJS.Signals): void {
    process.kill(this.#pid, signal)
  }
}

/** What is mounted upon, and the links. */
function prepare (root: string): void {
  for (const name of ['proc', 'dev', 'data', ...folders]) mkdirSync(join(root, name), { recursive: true })
  for (const name of system.filter(isLink)) {
    if (lstatSync(join(root, name), { throwIfNoEntry: false }) === undefined) symlinkSync(readlinkSync(`/${name}`), join(root, name))
  }
}
