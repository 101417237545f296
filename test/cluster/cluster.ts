import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { folder, spawnNode, until, type NodeProcess } from '../support/node.ts'
import type { Environment } from '../../app/read-settings.ts'
import { Proxy } from './proxy.ts'

export interface ClusterView {
  id: string
  clusterId: string
  leader: string | null
  term: number
  revision: number
  checksum: { revision: number, index: number, value: string }
  members: { id: string, role: string, state: string, peerAddress: string, apiAddress: string, waitsFor?: string }[]
}

export interface Answer {
  status: number
  body: Record<string, unknown>
  headers: Headers
}

/** Longer than a node takes to say that it cannot know, which it is told or does by itself. */
const beyondMs = 2000
const writeTimeoutSeconds = 10

/** Members are changed one after another, and newcomers catch up first. */
const membersMs = 120_000

/** One real node: a process that can be killed and started again with the same data, at another address. */
export class ClusterNode {
  readonly name: string
  readonly dataDir: string
  readonly proxy: Proxy
  readonly #t: Test
  readonly #environment: Environment
  #process: NodeProcess | null = null
  #url = ''
  #id = ''

  constructor (t: Test, name: string, proxy: Proxy, environment: Environment) {
    this.#t = t
    this.name = name
    this.proxy = proxy
    this.dataDir = environment.CHANGEWELL_DATA_DIR ?? folder(t)
    this.#environment = environment
  }

  get id (): string {
    return this.#id
  }

  get url (): string {
    return this.#url
  }

  get process (): NodeProcess {
    return this.#process!
  }

  get isUp (): boolean {
    return this.#process !== null
  }

  async start (more: Environment = {}): Promise<void> {
    const node = spawnNode(this.#t, {
      CHANGEWELL_DATA_DIR: this.dataDir,
      CHANGEWELL_ADVERTISE: this.proxy.address,
      CHANGEWELL_LEADER_WAIT_SECONDS: '3',
      ...this.#environment,
      ...more,
    })
    this.#url = await node.listening
    // Where plain HTTP is spoken beside HTTPS, the tests' own questions go there.
    if (this.#environment.CHANGEWELL_HTTP_PORT !== undefined) {
      const plain = (): string | undefined => /Plain HTTP is spoken on (http:[^"\s]+)/.exec(node.lines.join('\n'))?.[1]
      await until(() => plain() !== undefined, 'plain HTTP')
      this.#url = plain()!
    }
    const line = node.lines.find((text) => text.includes('it listens for other nodes at'))
    this.proxy.leadTo(/at ([0-9.]+:[0-9]+)/.exec(line ?? '')![1]!)
    this.#id = (await this.view()).id
    // Clients ask it from now on, and not where it listened before.
    this.#process = node
  }

  async kill (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const node = this.#process!
    this.#process = null
    await node.kill(signal)
  }

  get #patienceMs (): number {
    return Number(this.#environment.CHANGEWELL_WRITE_TIMEOUT_SECONDS ?? writeTimeoutSeconds) * 1000 + beyondMs
  }

  async view (): Promise<ClusterView> {
    const { status, body } = await this.get('/cluster')
    if (status !== 200) throw new Error(`${this.name}: ${JSON.stringify(body)}`)
    return body as unknown as ClusterView
  }

  get (path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.call('GET', path, undefined, headers)
  }

  /** Asked once, whatever the answer. */
  put (key: string, data: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.call('PUT', `/tenants/t/collections/c/keys/${key}`, { data }, headers)
  }

  /** Asked until it is done. */
  set (key: string, data: unknown): Promise<Answer> {
    return this.written('PUT', `/tenants/t/collections/c/keys/${key}`, { data })
  }

  /** The same write, as clients are told to send it, until somebody leads and its outcome is known. */
  async written (method: string, path: string, body: unknown): Promise<Answer> {
    const headers = { 'idempotency-key': randomUUID() }
    let answer: Answer | null = null
    await until(async () => {
      answer = await this.call(method, path, body, headers).catch(() => null)
      return answer !== null && answer.status < 500
    }, `${method} ${path} to be done`, 60)
    return answer!
  }

  async call (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(this.#url + path, {
      method,
      // Only a node that is stopped says nothing at all.
      signal: AbortSignal.timeout(path.startsWith('/cluster/') && method !== 'GET' ? membersMs : this.#patienceMs),
      headers: { connection: 'close', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) as Record<string, unknown>, headers: response.headers }
  }
}

/** A cluster of real processes on the loopback, each behind a proxy of its own. */
export class Cluster {
  readonly nodes: ClusterNode[] = []
  readonly #t: Test
  readonly #environment: Environment

  private constructor (t: Test, environment: Environment) {
    this.#t = t
    this.#environment = environment
  }

  /** Resolves when all are voters. */
  static async start (t: Test, count: number, environment: Environment = {}): Promise<Cluster> {
    const cluster = new Cluster(t, environment)
    const first = await cluster.add()
    await Promise.all(Array.from({ length: count - 1 }, () => cluster.add({ CHANGEWELL_JOIN: first.proxy.address })))
    await cluster.settled()
    return cluster
  }

  /** Nodes that find each other by what the environment says, started at one time. */
  static async together (t: Test, count: number, environment: Environment): Promise<Cluster> {
    const cluster = new Cluster(t, environment)
    await Promise.all(Array.from({ length: count }, () => cluster.add()))
    return cluster
  }

  /** Starts another node. */
  async add (more: Environment = {}): Promise<ClusterNode> {
    const proxy = await Proxy.open(this.#t)
    const node = new ClusterNode(this.#t, `node-${this.nodes.length + 1}`, proxy, { ...this.#environment, ...more })
    this.nodes.push(node)
    await node.start()
    return node
  }

  get up (): ClusterNode[] {
    return this.nodes.filter(({ isUp }) => isUp)
  }

  byId (id: string): ClusterNode {
    return this.nodes.find((node) => node.id === id)!
  }

  /** Whoever leads, in the eyes of a majority of the nodes that are up. */
  async leader (among: ClusterNode[] = this.up): Promise<ClusterNode> {
    let found: ClusterNode | undefined
    await until(async () => {
      const views = await Promise.all(among.map((node) => node.view().catch(() => null)))
      const counts = new Map<string, number>()
      for (const leader of views.map((view) => view?.leader ?? '')) counts.set(leader, (counts.get(leader) ?? 0) + 1)
      const [id, count] = [...counts].filter(([leader]) => leader !== '').sort((a, b) => b[1] - a[1])[0] ?? ['', 0]
      found = among.find((node) => node.id === id)
      return found !== undefined && count > among.length / 2
    }, 'a leader')
    return found!
  }

  async followers (): Promise<ClusterNode[]> {
    const leader = await this.leader()
    return this.up.filter((node) => node !== leader)
  }

  /** Resolves when every member is what it shall be, as all nodes that are up see it. */
  async settled (): Promise<void> {
    await until(async () => {
      const views = await Promise.all(this.up.map((node) => node.view()))
      return views.every((view) => view.leader !== null && view.members.length === this.up.length &&
        view.members.every(({ role, state }) => role === state))
    }, 'the members', 180)
  }

  /** Resolves when all nodes that are up have applied the same, and says what: their checksums must agree. */
  async checksum (): Promise<string> {
    let views: ClusterView[] = []
    await until(async () => {
      views = await Promise.all(this.up.map((node) => node.view()))
      return new Set(views.map(({ checksum }) => checksum.index)).size === 1
    }, 'the nodes to apply the same')
    const values = new Set(views.map(({ checksum }) => checksum.value))
    if (values.size !== 1) throw new Error(`the databases differ: ${JSON.stringify(views.map(({ id, checksum }) => ({ id, checksum })))}`)
    return [...values][0]!
  }

  /** Cuts the node off from all others, both ways. */
  cutOff (node: ClusterNode): void {
    node.proxy.cut('*')
    for (const other of this.nodes) if (other !== node) other.proxy.cut(node.id)
  }

  healAll (): void {
    for (const { proxy } of this.nodes) proxy.healAll()
  }
}
