import type { FastifyBaseLogger } from 'fastify'
import { formCluster } from './beginning.ts'
import type { NodeId } from './core/index.ts'
import { Founding } from './founding.ts'
import { identify } from './identity.ts'
import { joinCluster, type JoinAnswer } from './join.ts'
import { Joined } from './joined.ts'
import type { Log } from './log/index.ts'
import type { NodeDiscovery, OwnAddresses } from './node-options.ts'
import { postPeer, type PeerCaller } from './peer-http.ts'

export interface EntryOptions {
  dataDir: string
  caller: PeerCaller
  log: Log
  logger: FastifyBaseLogger
  discovery: NodeDiscovery
  role: 'voter' | 'replica'
  nodeId: () => NodeId
  /** Where others reach this node. */
  own: () => OwnAddresses
  /** Gives this node another id. */
  renewNodeId: () => Promise<void>
  /** Why this node takes no part yet. */
  outside: (reason: string) => void
  signal: AbortSignal
}

/** Longer than the members take to call back. */
const joinMs = 20_000

/** The way of a new node into its cluster: it forms one where it is the one to do so, and joins otherwise. */
export class Entry {
  readonly #options: EntryOptions
  readonly #joined: Joined
  readonly #founding: Founding
  #told = ''
  /** The cluster that others say there is, where that is known. */
  #clusterId: string | null = null

  constructor (options: EntryOptions) {
    this.#options = options
    this.#joined = new Joined(options.dataDir)
    this.#founding = new Founding({
      dataDir: options.dataDir,
      claim: (proposed, signal) => options.discovery.claim(proposed, signal),
      onWaiting: (reason) => this.#waits(`it waits to learn which cluster there is: ${reason}`),
    })
  }

  /** What this node was told when it joined; null when it has not. */
  answer (): Promise<JoinAnswer | null> {
    return this.#joined.read()
  }

  /**
   * Before the node listens: forms its cluster, if that can be decided at once. Else the node is on its way until
   * `enter`.
   */
  async formAtOnce (): Promise<boolean> {
    const { discovery, outside } = this.#options
    if (discovery.decidesAlone) return await this.#form()
    outside(`it is about to ask ${discovery.name} which cluster there is`)
    return false
  }

  /** Once the node listens. Resolves to what it was told when it joined; null when it formed the cluster. */
  async enter (): Promise<JoinAnswer | null> {
    const { caller, discovery, role, nodeId, own, renewNodeId, logger, signal } = this.#options
    if (!discovery.decidesAlone && await this.#form()) return null
    const answer = await joinCluster({
      candidates: (each) => discovery.candidates(each),
      identify: (peerAddress) => identify(caller, peerAddress),
      ask: async (peerAddress, request) => await postPeer(caller, peerAddress, '/join', request, joinMs) as JoinAnswer,
      clusterId: this.#clusterId,
      request: () => ({ id: nodeId(), role, ...own(), isEmpty: true }),
      onLostData: async () => {
        const old = nodeId()
        await renewNodeId()
        logger.warn({ old, id: nodeId() }, 'the cluster gave data to this node that it has lost; it joins anew under a new id. If the old one is gone for good, remove it (changewell member remove %s); a node that still runs under it is well, and the file node-id here was a copy of its own', old)
      },
      onWaiting: (reason) => this.#waits(`it waits to join the cluster: ${reason}`),
      signal,
    })
    await this.#joined.write(answer)
    await this.#founding.done()
    logger.info({ clusterId: answer.clusterId, members: answer.members }, 'this node joins the cluster')
    return answer
  }

  /** The cluster that this node would have formed matters no more. */
  async done (): Promise<void> {
    await this.#founding.done()
  }

  /** False when it is not this node that forms the cluster. */
  async #form (): Promise<boolean> {
    const { nodeId, log, outside, signal } = this.#options
    const claim = await this.#founding.claim(nodeId(), signal)
    if (claim.forms) {
      await formCluster(log, nodeId(), claim.clusterId)
      await this.#founding.done()
    } else {
      this.#clusterId = claim.clusterId
      outside(claim.reason)
    }
    return claim.forms
  }

  /** Logged when it is another reason than before. */
  #waits (reason: string): void {
    this.#options.outside(reason)
    if (reason !== this.#told) this.#options.logger.warn(reason)
    this.#told = reason
  }
}
