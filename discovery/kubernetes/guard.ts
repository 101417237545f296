import type { V1Lease } from '@kubernetes/client-node'
import { DiscoveryError, type Claim, type DiscoveryLogger, type Proposed } from '../provider.ts'
import type { Api } from './api.ts'
import { idIn, type Pod } from './pod.ts'

/** Who formed the cluster, for people: nothing goes by it. */
const formedBy = 'changewell.io/formed-by'

export interface GuardOptions {
  api: Api
  /** Of the Lease. Two clusters in one namespace have two. */
  name: string
  logger: DiscoveryLogger
  /** The pods as they are now, this one among them. */
  pods: (signal: AbortSignal) => Promise<ReadonlyMap<string, Pod>>
}

/**
 * The Lease that is made once, by whoever forms the cluster, and holds the cluster's id for ever: the API server takes
 * one of several that are made at the same time. Nobody holds it for a time, and nobody renews it.
 */
export class Guard {
  readonly #options: GuardOptions
  #told = ''

  constructor (options: GuardOptions) {
    this.#options = options
  }

  /** @throws DiscoveryError when it is not certain who forms the cluster; then nobody may */
  async claim ({ clusterId, nodeId }: Proposed, signal: AbortSignal): Promise<Claim> {
    const { api, name, pods } = this.#options
    for (;;) {
      const found = await api.readLease(name, signal)
      if (found !== null) return this.#answer(found, clusterId)
      const witness = [...(await pods(signal)).values()].find((pod) => (
        pod.clusterId !== null && pod.clusterId !== clusterId && pod.lease === name))
      if (witness !== undefined) {
        throw new DiscoveryError('DISCOVERY_UNAVAILABLE', `The ${this.#where} is gone, but the pod ${witness.name} belongs to the ` +
          `cluster ${witness.clusterId}: this node forms no second one. A member that runs makes the Lease anew; if none is ` +
          'left, and the data is lost, delete these pods to begin again.')
      }
      const isCreated = await api.createLease(this.#lease(clusterId, nodeId), signal)
      if (isCreated) return { forms: true }
      // Somebody else was quicker: what it says counts.
    }
  }

  /**
   * Sees to it, as a member of that cluster, that the Lease is there and says so. Another cluster's is left alone.
   *
   * @throws DiscoveryError
   */
  async keep (clusterId: string, nodeId: string, signal: AbortSignal): Promise<void> {
    const { api, name, logger } = this.#options
    const found = await api.readLease(name, signal)
    if (found === null) {
      const isCreated = await api.createLease(this.#lease(clusterId, nodeId), signal)
      if (isCreated) logger.warn({ lease: name, clusterId }, `the ${this.#where} was gone: this node, a member, has made it anew`)
      return
    }
    const says = idIn(found.spec?.holderIdentity)
    if (says === clusterId) {
      this.#told = ''
    } else if (says === null) {
      await api.replaceLease({ ...found, spec: { ...found.spec, holderIdentity: clusterId } }, signal)
      logger.warn({ lease: name, clusterId }, `the ${this.#where} named no cluster: this node, a member, has written its own into it`)
    } else if (says !== this.#told) {
      this.#told = says
      logger.error({ lease: name, clusterId, says }, `the ${this.#where} names the cluster ${says}, but this node belongs to ` +
        `${clusterId}: there are two clusters. Each must have its own CHANGEWELL_KUBERNETES_LEASE and its own ` +
        'CHANGEWELL_KUBERNETES_SELECTOR; nodes that begin anew join the one that the Lease names')
    }
  }

  #answer (found: V1Lease, proposed: string): Claim {
    const clusterId = idIn(found.spec?.holderIdentity)
    if (clusterId === null) {
      throw new DiscoveryError('DISCOVERY_UNAVAILABLE', `The ${this.#where} is there, but its holderIdentity is no cluster's id (16 ` +
        'hex digits): this node forms no cluster by guess. A member that runs writes the id into it; if there is no cluster, delete the Lease.')
    }
    // Ids are made by chance: this one is its own, from before a crash, or from a call whose answer was lost.
    if (clusterId === proposed) return { forms: true }
    const by = idIn(found.metadata?.annotations?.[formedBy])
    return {
      forms: false,
      clusterId,
      reason: `the ${this.#where} names the cluster ${clusterId}${by === null ? '' : `, formed by the node ${by}`}, which it joins`,
    }
  }

  get #where (): string {
    const { api, name } = this.#options
    return `Lease ${name} in the namespace ${api.namespace}`
  }

  #lease (clusterId: string, nodeId: string): V1Lease {
    return {
      metadata: { name: this.#options.name, annotations: { [formedBy]: nodeId }, labels: { 'app.kubernetes.io/name': 'changewell' } },
      spec: { holderIdentity: clusterId },
    }
  }
}
