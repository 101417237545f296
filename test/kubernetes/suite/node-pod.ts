import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { folder, spawnNode, type NodeProcess } from '../../support/node.ts'
import { selector, type Namespace } from '../namespace.ts'
import { waitFor } from './wait-for.ts'

export interface NodePodOptions {
  namespace: Namespace
  name: string
  lease: string
  /** Of all nodes in this cluster: each has an address of its own. */
  ports: { port: number, peerPort: number }
  /** More settings. */
  settings?: Record<string, string>
}

export interface ClusterView {
  id: string
  clusterId: string | null
  leader: string | null
  members: { id: string, state: string, peerAddress: string }[]
}

/** A pod with a real node in it: a process that listens on an address of the loopback, which is the pod's address. */
export class NodePod {
  readonly name: string
  ip = ''
  readonly #t: Test
  readonly #options: NodePodOptions
  #volume: string
  #node: NodeProcess | null = null

  constructor (t: Test, options: NodePodOptions) {
    this.#t = t
    this.#options = options
    this.name = options.name
    this.#volume = folder(t)
  }

  /** Makes the pod at that address and starts the node in it. Resolves when it listens. */
  async start (ip: string): Promise<void> {
    const { namespace, ports } = this.#options
    this.ip = ip
    await namespace.createPod(this.name, { ip, port: ports.peerPort })
    // The kubelet has fetched the token before it starts the container.
    await namespace.serviceAccountDir(this.name)
    await this.run()
  }

  /** Starts the node in the pod as it is, as the kubelet does when the container has ended. */
  async run (): Promise<void> {
    const { namespace, lease, ports: { port, peerPort }, settings = {} } = this.#options
    this.#node = spawnNode(this.#t, {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(namespace.server.port),
      CHANGEWELL_DISCOVERY: 'kubernetes',
      CHANGEWELL_KUBERNETES_POD: this.name,
      CHANGEWELL_KUBERNETES_LEASE: lease,
      CHANGEWELL_KUBERNETES_SELECTOR: selector,
      CHANGEWELL_KUBERNETES_SERVICE_ACCOUNT_DIR: await namespace.serviceAccountDir(this.name),
      CHANGEWELL_HOST: this.ip,
      CHANGEWELL_PORT: String(port),
      CHANGEWELL_PEER_HOST: this.ip,
      CHANGEWELL_PEER_PORT: String(peerPort),
      CHANGEWELL_DATA_DIR: this.#volume,
      ...settings,
    })
    await this.#node.listening
  }

  get url (): string {
    return `http://${this.ip}:${this.#options.ports.port}`
  }

  get peerAddress (): string {
    return `${this.ip}:${this.#options.ports.peerPort}`
  }

  /** What the node said last. */
  get lines (): readonly string[] {
    return this.#node?.lines ?? []
  }

  /** Deletes the pod as a person would: it ends by itself, and then it is gone. */
  async delete (): Promise<void> {
    const { namespace } = this.#options
    await namespace.deletePod(this.name)
    await this.stop()
    await namespace.finishPod(this.name)
  }

  async stop (how: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#node?.kill(how)
    this.#node = null
  }

  loseVolume (): void {
    this.#volume = folder(this.#t)
  }

  async view (): Promise<ClusterView> {
    return await (await fetch(`${this.url}/cluster`)).json() as ClusterView
  }

  async isReady (): Promise<boolean> {
    return await fetch(`${this.url}/readyz`).then(({ ok }) => ok, () => false)
  }

  /** Writes a change through the node, asking until it is done. */
  async write (data: string): Promise<void> {
    const key = randomUUID()
    await waitFor(async () => (await this.call('POST', '/changes', { data }, key)).status === 201, `a write through ${this.name}`)
  }

  /**
   * Calls the node's API with JSON, under an idempotency key if one is given. A node that does not answer counts as
   * status 0.
   */
  async call (method: string, path: string, body?: unknown, key?: string): Promise<{ status: number, body: any }> {
    const headers = { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) }
    const init = body === undefined ? {} : { headers, body: JSON.stringify(body) }
    try {
      const response = await fetch(`${this.url}${path}`, { method, ...init })
      const text = await response.text()
      return { status: response.status, body: text === '' ? null : JSON.parse(text) }
    } catch (error) {
      return { status: 0, body: String((error as Error).cause ?? error) }
    }
  }
}
