import { setTimeout as sleep } from 'node:timers/promises'
import { orAborted } from '../deadline.ts'
import { DiscoveryError, type DiscoveryLogger } from '../provider.ts'
import type { Api, WatchEvent } from './api.ts'
import { KubernetesError } from './failure.ts'
import { podOf, type Pod } from './pod.ts'

export interface PodsOptions {
  api: Api
  selector: string
  portName: string
  /** This pod's name: a list without it is no list of this cluster's pods. */
  ownName: string
  /** Time between lists, whatever the watch says. */
  listSeconds: number
  logger: DiscoveryLogger
  /** Some pod is not what it was. */
  onChange: () => void
  /** All pods were read anew. */
  onList: () => void
}

const backoffMinMs = 200
const backoffMaxMs = 30_000

/** A watch that ends sooner counts as a failure: otherwise one that always does would be opened without a pause. */
const watchMinMs = 1000

/**
 * The pods that the selector names, followed by list and watch, with a list from time to time whatever the watch says.
 * What was known stays when the API server fails, and an answer that cannot be true changes nothing.
 */
export class Pods {
  readonly #options: PodsOptions
  readonly #closing = new AbortController()
  #running: Promise<void> | null = null
  #listing: Promise<void> | null = null
  #pods: Map<string, Pod> | null = null
  #version: string | null = null
  #listedAt = 0
  #told = ''

  constructor (options: PodsOptions) {
    this.#options = options
  }

  start (): void {
    this.#running ??= this.#run()
  }

  async close (): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  /**
   * What is known, at once. Before the first list it waits for that: a list of its own might be newer, and what it had
   * said would be taken back.
   *
   * @throws DiscoveryError
   */
  async known (signal: AbortSignal): Promise<ReadonlyMap<string, Pod>> {
    if (this.#pods === null) await orAborted(this.#listAnew(), signal)
    return this.#pods!
  }

  /**
   * The pods as they are now. It leaves what is known alone: the watch is the only one to move that on.
   *
   * @throws DiscoveryError
   */
  async list (signal: AbortSignal): Promise<{ pods: Map<string, Pod>, version: string }> {
    const { api, selector, portName, ownName } = this.#options
    const { items, metadata } = await api.listPods(selector, signal)
    const pods = new Map(items.map((item) => podOf(item, portName)).map((pod) => [pod.name, pod]))
    if (!pods.has(ownName)) {
      const found = pods.size === 0 ? 'none' : [...pods.keys()].join(', ')
      throw new DiscoveryError('DISCOVERY_UNAVAILABLE', `The API server says that the selector ${selector} names these pods in the ` +
        `namespace ${api.namespace}: ${found}. This pod, ${ownName}, is not among them, so nothing is concluded from it. Give the pod the ` +
        'labels that CHANGEWELL_KUBERNETES_SELECTOR names, or correct that, or CHANGEWELL_KUBERNETES_POD.')
    }
    return { pods, version: metadata?.resourceVersion ?? '' }
  }

  async #run (): Promise<void> {
    const { signal } = this.#closing
    let failures = 0
    while (!signal.aborted) {
      try {
        if (this.#version === null || this.#leftMs() <= 0) await this.#listAnew()
        const began = performance.now()
        await this.#watch(signal)
        failures = performance.now() - began < watchMinMs ? failures + 1 : 0
        if (failures > 1) await this.#pause(failures, null)
      } catch (error) {
        if (signal.aborted) break
        failures++
        await this.#failed(error as Error, failures)
      }
    }
  }

  /** One at a time: two could end in the other order. */
  #listAnew (): Promise<void> {
    this.#listing ??= this.#listNow().finally(() => { this.#listing = null })
    return this.#listing
  }

  async #listNow (): Promise<void> {
    const { logger, onList } = this.#options
    const { pods, version } = await this.list(this.#closing.signal)
    this.#listedAt = performance.now()
    this.#version = version
    if (this.#told !== '') logger.info({ pods: [...pods.keys()] }, 'the API server answers again')
    this.#told = ''
    const before = this.#pods
    this.#pods = pods
    if (before === null || textOf(before) !== textOf(pods)) this.#options.onChange()
    onList()
  }

  /** Ends when it is time for the next list, or sooner. */
  async #watch (signal: AbortSignal): Promise<void> {
    const { api, selector } = this.#options
    const seconds = Math.max(1, Math.ceil(this.#leftMs() / 1000))
    await api.watchPods(selector, this.#version!, seconds, signal, (event) => this.#saw(event))
  }

  #saw ({ type, pod: object }: WatchEvent): void {
    const { portName, ownName, onChange, logger } = this.#options
    this.#version = object.metadata?.resourceVersion ?? this.#version
    if (type === 'BOOKMARK') return
    const pod = podOf(object, portName)
    const before = this.#pods!.get(pod.name)
    if (type === 'DELETED') {
      // A pod that comes back under its name may be there before the end of the one before is told.
      if (before === undefined || before.uid !== pod.uid) return
      if (pod.name === ownName) logger.error({ pod: pod.name }, 'the API server says that this pod is gone, though it runs')
      this.#pods!.delete(pod.name)
    } else {
      this.#pods!.set(pod.name, pod)
    }
    if (type === 'DELETED' || JSON.stringify(before) !== JSON.stringify(pod)) onChange()
  }

  async #failed (error: Error, failures: number): Promise<void> {
    const { logger } = this.#options
    const { status = null, retryAfterMs = null } = error as Partial<KubernetesError>
    if (status === 410) {
      // What happened since is no longer told one by one: only a list tells it.
      this.#version = null
      logger.info({ err: error }, 'the API server no longer knows where this watch was; the pods are listed anew')
      if (failures === 1) return
    } else if (error.message !== this.#told) {
      this.#told = error.message
      const isRefused = error instanceof DiscoveryError && error.code === 'DISCOVERY_REFUSED'
      const kept = this.#pods === null ? 'nothing is known of other pods yet' : 'what was known of the pods stays'
      logger[isRefused ? 'error' : 'warn']({ err: error, known: this.#pods?.size ?? 0 }, `${error.message} (${kept})`)
    }
    await this.#pause(failures, retryAfterMs)
  }

  /** Grows with each failure, up to half a minute; pods that fail together do not try again together. */
  async #pause (failures: number, atLeastMs: number | null): Promise<void> {
    const grown = Math.min(backoffMinMs * 2 ** Math.min(failures, 20), backoffMaxMs)
    const wait = Math.max(grown * (0.5 + Math.random() / 2), atLeastMs ?? 0)
    await sleep(wait, undefined, { signal: this.#closing.signal }).catch(() => {})
  }

  #leftMs (): number {
    return this.#listedAt + this.#options.listSeconds * 1000 - performance.now()
  }
}

function textOf (pods: ReadonlyMap<string, Pod>): string {
  return JSON.stringify([...pods].sort(([one], [other]) => one < other ? -1 : 1))
}
