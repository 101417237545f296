import { randomInt } from 'node:crypto'
import type { Test } from 'tap'
import { freePort } from '../../support/free-port.ts'
import type { ApiServer } from '../api-server.ts'
import { Namespace } from '../namespace.ts'
import { NodePod } from './node-pod.ts'
import { waitFor } from './support.ts'

export interface ThreeOptions {
  namespace?: Namespace
  /** The Lease's name, and what the pods' names begin with. */
  lease?: string
  settings?: Record<string, string>
}

/** Three pods of a StatefulSet, each at an address of its own. */
export class Three {
  readonly namespace: Namespace
  readonly pods: readonly [NodePod, NodePod, NodePod]
  readonly #t: Test
  readonly #lease: string
  readonly #network = `127.${randomInt(1, 255)}.${randomInt(255)}`
  #addresses = 0

  private constructor (t: Test, namespace: Namespace, lease: string, pods: [NodePod, NodePod, NodePod]) {
    this.#t = t
    this.namespace = namespace
    this.#lease = lease
    this.pods = pods
  }

  static async make (t: Test, server: ApiServer, options: ThreeOptions = {}): Promise<Three> {
    const { lease = 'changewell', namespace = await Namespace.create(t, server), settings = {} } = options
    const ports = { port: await freePort(), peerPort: await freePort() }
    const pod = (at: number): NodePod => new NodePod(t, { namespace, name: `${lease}-${at}`, lease, ports, settings })
    return new Three(t, namespace, lease, [pod(0), pod(1), pod(2)])
  }

  nextAddress (): string {
    return `${this.#network}.${++this.#addresses}`
  }

  /** All at once, in that order, each at another address than before. */
  async start (order: readonly number[] = [0, 1, 2]): Promise<void> {
    await Promise.all(order.map((at) => this.pods[at]!.start(this.nextAddress())))
  }

  async stop (): Promise<void> {
    await Promise.all(this.pods.map((pod) => pod.stop('SIGKILL')))
  }

  /** Waits until all three are ready, vote and are listed where they are; resolves to the cluster's id. */
  async isOneCluster (): Promise<string> {
    const t = this.#t
    const voters = async (): Promise<string[]> => (await this.pods[0].view()).members
      .filter(({ state }) => state === 'voter').map(({ peerAddress }) => peerAddress)
    await waitFor(async () => {
      const areReady = await Promise.all(this.pods.map((pod) => pod.isReady()))
      if (!areReady.every((isReady) => isReady)) return false
      const addresses = await voters()
      return this.pods.every(({ peerAddress }) => addresses.includes(peerAddress))
    }, 'three voters that are ready').catch((error: Error) => {
      throw new Error(`${error.message}:\n${this.pods.map(({ name, lines }) => `${name}:\n${lines.slice(-10).join('\n')}`).join('\n')}`)
    })
    const views = await Promise.all(this.pods.map((pod) => pod.view()))
    const [{ clusterId }] = views as [typeof views[0]]
    t.match(clusterId, /^[0-9a-f]{16}$/)
    t.same(views.map((view) => view.clusterId), [clusterId, clusterId, clusterId], 'all belong to one cluster')
    t.equal((await this.namespace.leaseOf(this.#lease)).spec.holderIdentity, clusterId, 'the Lease names it')
    for (const pod of this.pods) {
      await pod.write(pod.name)
    }
    return clusterId!
  }
}
