import type { FastifyBaseLogger } from 'fastify'
import type { Advertised, Listening, Provider, Self } from '../../discovery/provider.ts'
import type { Database, NodeRecord } from '../../storage/database.ts'
import type { NodeId } from './core/index.ts'
import type { Log } from './log/index.ts'
import type { RenderProblem } from './peer-listener.ts'
import type { PeerSecurity } from './peer-security.ts'
import type { SnapshotProgress } from './snapshots/index.ts'
import type { PeerStatus } from './transport/index.ts'

export interface RaftNodeOptions {
  nodeId: NodeId
  /** Gives this node another id, durably, and resolves to it. */
  renewNodeId: () => Promise<NodeId>
  dataDir: string
  database: Database
  log: Log
  logger: FastifyBaseLogger
  discovery: NodeDiscovery
  role: 'voter' | 'replica'
  writesPendingMax: number
  writeTimeoutSeconds: number
  leaderWaitSeconds: number
  idempotencySeconds: number
  receiptSeconds: number
  flushLogBytes: number
  uncommittedBytesMax: number
  diskSeconds: number
  snapshotBytesPerSecond: number
  requestTimeoutSeconds: number
  peerBufferBytesMax: number
  /** Null to speak to peers without TLS. */
  security: PeerSecurity | null
  renderProblem: RenderProblem
  onApplied?: (event: { commands: number, seconds: number }) => void
  onSnapshot?: (event: SnapshotProgress) => void
  /** Another node leads, as far as this one knows, or none. */
  onLeader?: () => void
}

/** What a node needs of the place where it runs: a provider that is tried again where that can help. */
export type NodeDiscovery = Pick<Provider, 'name' | 'decidesAlone' | 'claim' | 'candidates' | 'resolve' | 'watch'> & {
  advertise: (listening: Listening, signal: AbortSignal, onWaiting: (reason: string) => void) => Promise<Advertised>
  publish: (self: Self) => void
}

/** Where others reach this node. */
export interface OwnAddresses {
  peerAddress: string
  apiAddress: string
}

/** A member as this node sees it. */
export interface MemberView extends NodeRecord {
  /** On the leader: the newest entry that it is known to hold. */
  matchIndex: number | null
  peer: PeerStatus | null
}
