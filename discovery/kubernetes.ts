import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isEverywhere, joinAddress } from './address.ts'
import { Api } from './kubernetes/api.ts'
import { Guard } from './kubernetes/guard.ts'
import { annotations, type Pod } from './kubernetes/pod.ts'
import { Pods } from './kubernetes/pods.ts'
import {
  DiscoveryError, type Advertised, type Candidate, type Claim, type DiscoveryLogger, type Listening, type Proposed,
  type Provider, type ProviderContext, type Self,
} from './provider.ts'

export interface KubernetesSettings {
  /** The namespace of the pods; empty for the one of the service account. */
  namespace: string
  /** Label selector of the cluster's pods, this one among them. */
  selector: string
  /** Name of the container port on which nodes listen for others. */
  portName: string
  /** Name of the Lease that guards the forming of the cluster: one a cluster. */
  lease: string
  /** This pod's name; empty for the host's. */
  pod: string
  /** Folder with the files token, ca.crt and namespace. */
  serviceAccountDir: string
  /** https://host:port of the API server; the environment of a pod says it otherwise. */
  server?: string
  /** Time between lists of the pods, whatever the watch says. */
  listSeconds?: number
}

const listSecondsDefault = 60

/** The pods of a namespace, as the API server of Kubernetes knows them. */
export default async function openKubernetes (context: ProviderContext<KubernetesSettings>): Promise<Provider> {
  const { settings, logger } = context
  const { serviceAccountDir, server = null } = settings
  const namespace = settings.namespace || await namespaceOf(serviceAccountDir)
  const api = new Api(await loadClient(), { serviceAccountDir, namespace, server })
  return new KubernetesProvider(api, settings, logger)
}

async function namespaceOf (serviceAccountDir: string): Promise<string> {
  const path = join(serviceAccountDir, 'namespace')
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    throw wrong(`The file ${path} cannot be read (${(error as Error).message}), so the namespace is not known. Let the pod have its ` +
      'service account\'s token (automountServiceAccountToken), or set CHANGEWELL_KUBERNETES_SERVICE_ACCOUNT_DIR', error)
  }
}

/** Large, and for this provider alone: an optional dependency. */
async function loadClient (): Promise<typeof import('@kubernetes/client-node')> {
  try {
    return await import('@kubernetes/client-node')
  } catch (error) {
    throw wrong(`CHANGEWELL_DISCOVERY is kubernetes, whose client cannot be loaded: ${(error as Error).message}. ` +
      'Install it beside changewell: npm install @kubernetes/client-node@1.4', error)
  }
}

class KubernetesProvider implements Provider {
  readonly name = 'kubernetes'
  readonly decidesAlone = false
  readonly #settings: KubernetesSettings
  readonly #logger: DiscoveryLogger
  readonly #api: Api
  readonly #own: string
  readonly #pods: Pods
  readonly #guard: Guard
  readonly #listeners = new Set<() => void>()
  readonly #closing = new AbortController()
  #uid: string | null = null
  #self: Self | null = null
  /** Of this place, as soon as the claim or this node's own data tells. */
  #clusterId: string | null = null
  #mending: Promise<void> | null = null

  constructor (api: Api, settings: KubernetesSettings, logger: DiscoveryLogger) {
    const { selector, portName, lease, listSeconds = listSecondsDefault } = settings
    this.#settings = settings
    this.#logger = logger
    this.#api = api
    this.#own = settings.pod || hostname()
    this.#pods = new Pods({
      api,
      selector,
      portName,
      ownName: this.#own,
      listSeconds,
      logger,
      onChange: () => { for (const listener of this.#listeners) listener() },
      onList: () => this.#mend(),
    })
    this.#guard = new Guard({
      api, name: lease, logger, pods: async (signal) => (await this.#pods.list(signal)).pods,
    })
    this.#pods.start()
  }

  async claim (proposed: Proposed, signal: AbortSignal): Promise<Claim> {
    const claim = await this.#guard.claim(proposed, signal)
    this.#clusterId = claim.forms ? proposed.clusterId : claim.clusterId
    return claim
  }

  async candidates (signal: AbortSignal): Promise<Candidate[]> {
    const pods = await this.#ofThisCluster(signal)
    return pods
      .filter(({ name }) => name !== this.#own)
      .sort((one, other) => this.#unlikelihood(one) - this.#unlikelihood(other) || (one.name < other.name ? -1 : 1))
      .flatMap((pod) => {
        const peerAddress = this.#addressOf(pod)
        return peerAddress === null ? [] : [{ peerAddress, id: pod.nodeId, source: `the pod ${pod.name}` }]
      })
  }

  async resolve (id: string, signal: AbortSignal): Promise<string | null> {
    const pods = (await this.#ofThisCluster(signal)).filter(({ nodeId }) => nodeId === id)
    // A pod that is about to go is still there; one that came after it with its volume counts for more.
    pods.sort((one, other) => (
      Number(one.isTerminating) - Number(other.isTerminating) || other.createdAt - one.createdAt))
    return pods.map((pod) => this.#addressOf(pod)).find((address) => address !== null) ?? null
  }

  /** By the pods as they are now: one that has not said who it is may be that node. */
  async isGone (id: string, signal: AbortSignal): Promise<boolean> {
    const { pods } = await this.#pods.list(signal)
    return [...pods.values()].filter((pod) => this.#belongsHere(pod))
      .every(({ nodeId }) => nodeId !== null && nodeId !== id)
  }

  watch (changed: () => void): () => void {
    const listener = (): void => changed()
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  async publish (self: Self, signal: AbortSignal): Promise<void> {
    this.#self = self
    await this.#annotate(self, signal)
    if (self.clusterId === null) return
    this.#clusterId = self.clusterId
    await this.#guard.keep(self.clusterId, self.nodeId, signal)
  }

  async advertise ({ peer, api }: Listening, signal: AbortSignal): Promise<Advertised> {
    const { portName } = this.#settings
    const pod = (await this.#pods.known(signal)).get(this.#own)
    if (pod === undefined || pod.ip === null) {
      throw new DiscoveryError('DISCOVERY_UNAVAILABLE', `The pod ${this.#own} has no address yet`)
    }
    for (const [{ host }, setting] of [[peer, 'CHANGEWELL_PEER_HOST'], [api, 'CHANGEWELL_HOST']] as const) {
      if (!isEverywhere(host) && host !== pod.ip) {
        throw wrong(`${setting} is ${host}, but the address of the pod ${this.#own} is ${pod.ip}, where nobody would be reached. Set ${setting} to 0.0.0.0 (or ::)`)
      }
    }
    if (pod.port !== peer.port) {
      const named = pod.port === null ? 'has no container port' : `has ${pod.port} for the container port`
      throw wrong(`The pod ${this.#own} ${named} named ${portName}, but the node listens for others on ${peer.port}. They must be ` +
        'one: CHANGEWELL_PEER_PORT, and the port that CHANGEWELL_KUBERNETES_PORT_NAME names')
    }
    return {
      peerAddress: joinAddress(pod.ip, peer.port),
      apiAddress: joinAddress(pod.ip, api.port),
      reason: `the address of the pod ${this.#own}, as Kubernetes says`,
    }
  }

  async close (): Promise<void> {
    this.#closing.abort()
    this.#listeners.clear()
    await this.#pods.close()
    await this.#mending
  }

  async #annotate (self: Self, signal: AbortSignal): Promise<void> {
    this.#uid ??= (await this.#api.readPod(this.#own, signal)).metadata!.uid!
    await this.#api.annotatePod(this.#own, this.#uid, {
      [annotations.nodeId]: self.nodeId,
      [annotations.clusterId]: self.clusterId,
      [annotations.lease]: this.#settings.lease,
    }, signal)
  }

  /** With each list: what this node wrote and somebody took away is written again. */
  #mend (): void {
    const self = this.#self
    if (self === null || this.#mending !== null) return
    this.#mending = this.#mendNow(self)
      .catch((error: Error) => {
        if (!this.#closing.signal.aborted) this.#logger.warn({ err: error }, `what this node told Kubernetes could not be looked after: ${error.message}`)
      })
      .finally(() => { this.#mending = null })
  }

  async #mendNow (self: Self): Promise<void> {
    const { signal } = this.#closing
    const pod = (await this.#pods.known(signal)).get(this.#own)
    const { lease } = this.#settings
    const isRight = pod?.nodeId === self.nodeId && pod.clusterId === self.clusterId && pod.lease === lease
    if (!isRight) await this.#annotate(self, signal)
    if (self.clusterId !== null) await this.#guard.keep(self.clusterId, self.nodeId, signal)
  }

  async #ofThisCluster (signal: AbortSignal): Promise<Pod[]> {
    return [...(await this.#pods.known(signal)).values()].filter((pod) => !pod.isOver && this.#belongsHere(pod))
  }

  /** A selector may catch another cluster's pods. Those that say nothing yet may be of this one: joining tells. */
  #belongsHere (pod: Pod): boolean {
    if (pod.lease !== null && pod.lease !== this.#settings.lease) return false
    return pod.clusterId === null || this.#clusterId === null || pod.clusterId === this.#clusterId
  }

  /** Members that serve come first, pods that are about to go last. */
  #unlikelihood (pod: Pod): number {
    return (pod.isTerminating ? 4 : 0) + (pod.clusterId === null ? 2 : 0) + (pod.isReady ? 0 : 1)
  }

  #addressOf ({ ip, port }: Pod): string | null {
    return ip === null || port === null ? null : joinAddress(ip, port)
  }
}

function wrong (message: string, cause?: unknown): DiscoveryError {
  return new DiscoveryError('DISCOVERY_SETTINGS', `${message}.`, { cause })
}
