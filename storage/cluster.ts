import { encodeConfiguration, type AppliedConfiguration } from './configuration.ts'
import { metaKeys, nodeRowKey } from './keys.ts'
import { configuredNodes, leavingNode, listedNode, type NodeRecord } from './nodes.ts'
import { Problem } from './problem.ts'
import type { Staging } from './staging.ts'
import type { BootstrapCommand, NodeCommand, NodeRemoveCommand, Settings, SettingsCommand } from './types.ts'

export type ClusterCommand = BootstrapCommand | SettingsCommand | NodeCommand | NodeRemoveCommand

/** What stands where nothing was set: also for settings that a release did not know when others were set. */
export const defaultSettings: Settings = { historyChanges: null, heartbeatMs: 100, electionMs: 1000, webhooks: [] }

export interface ClusterState {
  clusterId: string | null
  settings: Settings
  /** Null before the first one. */
  configuration: AppliedConfiguration | null
  nodes: Map<string, NodeRecord>
}

/**
 * What the database keeps of the cluster itself. Commands that change it stand alone in their batch; what they bring is
 * shown with the batch.
 */
export class Cluster {
  clusterId: string | null = null
  settings = defaultSettings
  configuration: AppliedConfiguration | null = null
  readonly nodes = new Map<string, NodeRecord>()
  #staged: { state: Partial<Omit<ClusterState, 'nodes'>>, nodes: NodeRecord[] } = { state: {}, nodes: [] }

  constructor (state: ClusterState) {
    this.replace(state)
  }

  replace ({ clusterId, settings, configuration, nodes }: ClusterState): void {
    Object.assign(this, { clusterId, settings, configuration })
    this.#setNodes(nodes)
  }

  /** @throws Problem NODE_REMOVED, MEMBER_NOT_FOUND, LAST_VOTER, INVALID_FIELD */
  execute (staging: Staging, command: ClusterCommand): void {
    const { nodes, configuration } = this
    switch (command.kind) {
      case 'bootstrap': {
        if (this.clusterId !== null) return
        this.#staged.state.clusterId = command.clusterId
        return staging.put('meta', metaKeys.clusterId, Buffer.from(command.clusterId))
      }
      case 'settings': {
        const settings = { ...this.settings, ...command.settings }
        assertTimeouts(settings)
        this.#staged.state.settings = settings
        return staging.put('meta', metaKeys.settings, Buffer.from(JSON.stringify(settings)))
      }
      case 'node': return this.#put(staging, listedNode(nodes, configuration, command, staging.position))
      case 'node-remove': return this.#put(staging, leavingNode(nodes, configuration, command.id, staging.position))
    }
  }

  configure (staging: Staging, configuration: AppliedConfiguration): void {
    this.#staged.state.configuration = configuration
    staging.put('meta', metaKeys.configuration, encodeConfiguration(configuration))
    for (const node of configuredNodes(this.nodes, configuration, staging.position)) this.#put(staging, node)
  }

  /** Returns whether nodes or configuration are others now. */
  show (): boolean {
    const { state, nodes } = this.#staged
    this.#staged = { state: {}, nodes: [] }
    Object.assign(this, state)
    if (nodes.length > 0) this.#setNodes([...this.nodes, ...nodes.map((node) => [node.id, node] as const)])
    return nodes.length > 0 || state.configuration !== undefined
  }

  /** In the order of ids, as after a restart: commands must do the same whenever the node was started. */
  #setNodes (nodes: Iterable<readonly [string, NodeRecord]>): void {
    const byId = new Map(nodes)
    this.nodes.clear()
    for (const id of [...byId.keys()].sort()) this.nodes.set(id, byId.get(id)!)
  }

  #put (staging: Staging, node: NodeRecord | null): void {
    if (node === null) return
    this.#staged.nodes.push(node)
    staging.put('catalog', nodeRowKey(node.id), Buffer.from(JSON.stringify(node)))
  }
}

/** Two who change one time each at once may both be right alone. */
function assertTimeouts ({ heartbeatMs, electionMs }: Settings): void {
  if (electionMs >= 2 * heartbeatMs) return
  throw new Problem('INVALID_FIELD', {
    field: 'electionMs', reason: `must be at least twice heartbeatMs (it would be ${electionMs}, with heartbeatMs ${heartbeatMs})`,
  })
}
