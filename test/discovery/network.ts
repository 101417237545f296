import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { Environment } from '../../app/read-settings.ts'
import { spawnNode, type NodeProcess } from '../support/node.ts'

/** Why no hosts can be made here, for the `skip` of a test; false when they can. Programs are those that it needs. */
export function withoutHosts (...programs: string[]): string | false {
  const missing = ['ip', ...programs].filter((program) => spawnSync('which', [program]).status !== 0)
  if (missing.length > 0) return `it needs ${missing.join(', ')} (Debian: iproute2, nftables, dnsmasq-base)`
  const name = `cw${process.pid}-try`
  const made = spawnSync('ip', ['netns', 'add', name])
  if (made.status !== 0) return `network namespaces cannot be made here: ${made.stderr.toString().trim()}; run as root`
  const linked = spawnSync('ip', ['-n', name, 'link', 'add', 'br0', 'type', 'bridge'])
  spawnSync('ip', ['netns', 'del', name])
  return linked.status === 0 ? false : `no bridge can be made here: ${linked.stderr.toString().trim()}`
}

let networks = 0

/** Hosts that are network namespaces, on LANs that are bridges in another one, apart from this machine's own. */
export class Network {
  readonly #t: Test
  readonly #prefix = `cw${process.pid}-${networks++}`
  readonly #switch: string
  readonly #lans = new Set<string>()
  #cables = 0

  constructor (t: Test) {
    this.#t = t
    this.#switch = this.#make('switch')
  }

  /** A host with an interface for each entry: `eth0: { lan: 'a', address: '10.77.0.1/24' }`. */
  host (name: string, interfaces: Record<string, { lan: string, address: string }>): Host {
    const namespace = this.#make(name)
    for (const [device, { lan, address }] of Object.entries(interfaces)) {
      if (!this.#lans.has(lan)) {
        this.#lans.add(lan)
        ip(this.#switch, `link add ${lan} type bridge`)
        ip(this.#switch, `link set ${lan} up`)
      }
      const cable = `c${this.#cables++}`
      ip(this.#switch, `link add ${cable} type veth peer name ${device} netns ${namespace}`)
      ip(this.#switch, `link set ${cable} master ${lan} up`)
      ip(namespace, `addr add ${address} dev ${device}`)
      ip(namespace, `link set ${device} up`)
    }
    return new Host(this.#t, namespace)
  }

  #make (name: string): string {
    const namespace = `${this.#prefix}-${name}`
    execFileSync('ip', ['netns', 'add', namespace])
    this.#t.teardown(() => {
      execFileSync('ip', ['netns', 'del', namespace])
      rmSync(`/etc/netns/${namespace}`, { recursive: true, force: true })
    })
    ip(namespace, 'link set lo up')
    return namespace
  }
}

/** A machine of its own, as far as its network goes. */
export class Host {
  readonly namespace: string
  readonly #t: Test
  #caller: ChildProcess | null = null
  #answers: AsyncIterator<string> | null = null

  constructor (t: Test, namespace: string) {
    this.#t = t
    this.namespace = namespace
  }

  get #enter (): string[] {
    return ['ip', 'netns', 'exec', this.namespace]
  }

  /** `ip` there, with the arguments in one text. */
  ip (command: string): void {
    ip(this.namespace, command)
  }

  run (program: string, args: string[], input = ''): void {
    const [first = '', ...rest] = [...this.#enter, program, ...args]
    execFileSync(first, rest, { input, stdio: ['pipe', 'pipe', 'pipe'] })
  }

  /** A program that runs until the test ends. */
  start (program: string, args: string[]): ChildProcess {
    const [first = '', ...rest] = [...this.#enter, program, ...args]
    const child = spawn(first, rest, { stdio: ['ignore', 'ignore', 'inherit'] })
    this.#t.teardown(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'close')
    })
    return child
  }

  /** Where its programs look names up; the options are those of resolv.conf. */
  nameServer (address: string, options = 'timeout:1'): void {
    mkdirSync(`/etc/netns/${this.namespace}`, { recursive: true })
    writeFileSync(`/etc/netns/${this.namespace}/resolv.conf`, `nameserver ${address}\noptions ${options} attempts:1\n`)
  }

  /** `changewell serve`, that listens everywhere on the ports that nodes usually have. */
  node (environment: Environment = {}): NodeProcess {
    return spawnNode(this.#t, {
      CHANGEWELL_HOST: '0.0.0.0',
      CHANGEWELL_PORT: '9000',
      CHANGEWELL_PEER_HOST: '0.0.0.0',
      CHANGEWELL_PEER_PORT: '9001',
      // Nobody else is on this network.
      CHANGEWELL_INSECURE_PEERS: 'true',
      ...environment,
    }, { through: this.#enter })
  }

  /** GETs JSON from a node, as seen from this host; null when nobody answers. */
  async get (url: string): Promise<{ status: number, body: Record<string, unknown> } | null> {
    this.#caller ??= this.#call()
    this.#caller.stdin!.write(`${url}\n`)
    const { value } = await this.#answers!.next() as { value: string }
    return JSON.parse(value) as { status: number, body: Record<string, unknown> } | null
  }

  #call (): ChildProcess {
    const script = fileURLToPath(new URL('caller.mjs', import.meta.url))
    const [first = '', ...rest] = [...this.#enter, process.execPath, script]
    const child = spawn(first, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    this.#t.teardown(async () => {
      child.stdin!.end()
      await once(child, 'close')
    })
    return child
  }
}

function ip (namespace: string, command: string): void {
  execFileSync('ip', ['-n', namespace, ...command.split(' ')], { stdio: ['ignore', 'pipe', 'pipe'] })
}
