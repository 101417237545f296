import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RequestContext, ResponseContext, V1Lease, V1Pod, V1PodList } from '@kubernetes/client-node'
import { withDeadline } from '../deadline.ts'
import { DiscoveryError } from '../provider.ts'
import { failureOf, KubernetesError, statusOf, type Right } from './failure.ts'

type Client = typeof import('@kubernetes/client-node')

export interface ApiOptions {
  /** Folder with the files token and ca.crt, as Kubernetes mounts them. */
  serviceAccountDir: string
  namespace: string
  /** https://host:port; null for the one that the environment of a pod names. */
  server: string | null
}

/** An event of a watch. A bookmark's object has nothing but a resource version. */
export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  pod: V1Pod
}

/** A call that has no answer after so long is given up; it may have been carried out all the same. */
const callTimeoutMs = 10_000

/** The server ends a watch in time; a connection that died unnoticed does not, so it is ended here a little later. */
const watchGraceMs = 5000

const merge = 'application/merge-patch+json'

/** The calls to the API server that discovery makes, and no others. Each needs the right that stands beside it. */
export class Api {
  readonly server: string
  readonly namespace: string
  readonly #client: Client
  readonly #config: InstanceType<Client['KubeConfig']>
  readonly #core: InstanceType<Client['CoreV1Api']>
  readonly #coordination: InstanceType<Client['CoordinationV1Api']>

  /**
   * @param client loaded by whoever needs it, for it is large and optional
   * @throws DiscoveryError outside of a pod, where no server is given
   */
  constructor (client: Client, { serviceAccountDir, namespace, server }: ApiOptions) {
    const config = new client.KubeConfig()
    // The library knows how a pod's environment names the server; files are this object's business.
    config.loadFromCluster()
    this.server = server ?? config.getCurrentCluster()!.server
    if (this.server.includes('//undefined:')) {
      throw new DiscoveryError('DISCOVERY_SETTINGS', 'CHANGEWELL_DISCOVERY is kubernetes, but this is no pod: KUBERNETES_SERVICE_HOST is not set.')
    }
    this.namespace = namespace
    const tokenPath = join(serviceAccountDir, 'token')
    // The library keeps a token for a minute. Tokens are replaced under way, and calls are few: it is read for each.
    config.addAuthenticator({
      isAuthProvider: () => true,
      applyAuthentication: async (_user, options) => {
        const token = (await readFile(tokenPath, 'utf8')).trim()
        Object.assign(options.headers!, { Authorization: `Bearer ${token}` })
      },
    })
    config.loadFromClusterAndUser(
      { name: 'in-cluster', server: this.server, caFile: join(serviceAccountDir, 'ca.crt'), skipTLSVerify: false },
      { name: 'service-account' })
    this.#client = client
    this.#config = config
    this.#core = config.makeApiClient(client.CoreV1Api)
    this.#coordination = config.makeApiClient(client.CoordinationV1Api)
  }

  /** All pods that the selector names, as they are when the call arrives: not an older state of a cache. */
  listPods (labelSelector: string, signal: AbortSignal): Promise<V1PodList> {
    const { namespace } = this
    return this.#call(`list pods in the namespace ${namespace}`, right('', 'pods', 'list'), signal,
      (options) => this.#core.listNamespacedPod({ namespace, labelSelector }, options))
  }

  readPod (name: string, signal: AbortSignal): Promise<V1Pod> {
    const { namespace } = this
    return this.#call(`read the pod ${name} in the namespace ${namespace}`, right('', 'pods', 'get'), signal,
      (options) => this.#core.readNamespacedPod({ namespace, name }, options))
  }

  /** Refused where the pod has another uid: one that came after it under the same name is another pod. */
  async annotatePod (
    name: string, uid: string, annotations: Record<string, string | null>, signal: AbortSignal
  ): Promise<void> {
    const { namespace } = this
    const body = { metadata: { uid, annotations } }
    await this.#call(`patch the pod ${name} in the namespace ${namespace}`, right('', 'pods', 'patch'), signal,
      (options) => this.#core.patchNamespacedPod({ namespace, name, body }, options), merge)
  }

  /** Null where there certainly is none. */
  async readLease (name: string, signal: AbortSignal): Promise<V1Lease | null> {
    const { namespace } = this
    try {
      return await this.#call(`read the Lease ${name} in the namespace ${namespace}`, right('coordination.k8s.io', 'leases', 'get'), signal,
        (options) => this.#coordination.readNamespacedLease({ namespace, name }, options))
    } catch (error) {
      if ((error as KubernetesError).status === 404) return null
      throw error
    }
  }

  /** Resolves to false where there is one already. */
  async createLease (body: V1Lease, signal: AbortSignal): Promise<boolean> {
    const { namespace } = this
    try {
      await this.#call(`create the Lease ${body.metadata!.name} in the namespace ${namespace}`, right('coordination.k8s.io', 'leases', 'create'), signal,
        (options) => this.#coordination.createNamespacedLease({ namespace, body }, options))
      return true
    } catch (error) {
      if ((error as KubernetesError).status === 409) return false
      throw error
    }
  }

  /** Refused with 409 where it changed since it was read. */
  async replaceLease (body: V1Lease, signal: AbortSignal): Promise<void> {
    const { namespace } = this
    const name = body.metadata!.name!
    await this.#call(`update the Lease ${name} in the namespace ${namespace}`, right('coordination.k8s.io', 'leases', 'update'), signal,
      (options) => this.#coordination.replaceNamespacedLease({ namespace, name, body }, options))
  }

  /**
   * What happens to the pods after that resource version, until the server ends it, after so many seconds.
   *
   * @throws KubernetesError with the status 410 where the server no longer knows that version
   */
  async watchPods (
    labelSelector: string, resourceVersion: string, seconds: number, signal: AbortSignal,
    onEvent: (event: WatchEvent) => void
  ): Promise<void> {
    const { namespace } = this
    const path = `/api/v1/namespaces/${namespace}/pods`
    const query = { labelSelector, resourceVersion, timeoutSeconds: seconds, allowWatchBookmarks: true }
    const watch = new this.#client.Watch(this.#config)
    const what = `watch pods in the namespace ${namespace}`
    let failure: unknown = null
    await withDeadline(seconds * 1000 + watchGraceMs, signal, (ended) => new Promise<void>((resolve) => {
      ended.addEventListener('abort', () => resolve(), { once: true })
      watch.watch(path, query, (type: string, object: V1Pod & { code?: number, message?: string }) => {
        if (ended.aborted) return
        // The server says in the stream why it ends it. The library drops what its callback throws.
        if (type === 'ERROR') failure ??= Object.assign(new Error(object.message), { code: object.code })
        else onEvent({ type: type as WatchEvent['type'], pod: object })
      }, (error: unknown) => {
        // What ends because its time is over has not failed.
        if (!ended.aborted) failure ??= error ?? null
        resolve()
      }).then((controller) => {
        if (ended.aborted) controller.abort()
        else ended.addEventListener('abort', () => controller.abort(), { once: true })
      }, (error: unknown) => {
        if (!ended.aborted) failure ??= error
        resolve()
      })
    }))
    signal.throwIfAborted()
    if (failure !== null) throw failureOf(failure, what, right('', 'pods', 'watch'), this.server)
  }

  async #call<Result> (
    what: string, needs: Right, signal: AbortSignal, call: (options: CallOptions) => Promise<Result>,
    contentType?: string
  ): Promise<Result> {
    const attempt = (): Promise<Result> => (
      withDeadline(callTimeoutMs, signal, (limited) => call(this.#options(limited, contentType))))
    try {
      try {
        return await attempt()
      } catch (error) {
        // The token may have been replaced between the reading of it and its arrival.
        if (statusOf(error) !== 401) throw error
        return await attempt()
      }
    } catch (error) {
      signal.throwIfAborted()
      throw failureOf(error, what, needs, this.server)
    }
  }

  #options (signal: AbortSignal, contentType: string | undefined): CallOptions {
    const { Observable } = this.#client
    return {
      middlewareMergeStrategy: 'append',
      middleware: [{
        pre: (context: RequestContext) => {
          context.setSignal(signal)
          if (contentType !== undefined) context.setHeaderParam('Content-Type', contentType)
          return new Observable(Promise.resolve(context))
        },
        post: (context: ResponseContext) => new Observable(Promise.resolve(context)),
      }],
    }
  }
}

type CallOptions = NonNullable<Parameters<InstanceType<Client['CoreV1Api']>['readNamespacedPod']>[1]>

function right (group: Right['group'], resource: Right['resource'], verb: Right['verb']): Right {
  return { group, resource, verb }
}
