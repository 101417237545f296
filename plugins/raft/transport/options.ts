import { connect, type Socket } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'
import { lookupInLine } from '../../../discovery/names.ts'
import type { Message, NodeId } from '../core/index.ts'
import { protocolVersions, type PeerRefusal, type Versions } from './handshake.ts'

/** Null stands for whatever node is there. */
export type Connect = (host: string, port: number, id: NodeId | null) => Socket

/** What a node says of itself. */
export interface PeerClaim {
  id: NodeId
  /** Where it listens, without a port; null when it does not say so. */
  host: string | null
}

export interface TransportOptions {
  /** It may change only while this node belongs to no cluster. */
  nodeId: () => NodeId
  /** Which process of the node this is: no two have the same. */
  instance: string
  /**
   * Which process of a node answers at an address now; null when none does, `silent` when nobody says so soon: a node
   * waits to be let in.
   */
  instanceAt: (id: NodeId, address: string) => Promise<string | null | 'silent'>
  /** Null until this node belongs to a cluster: nothing is dialled or accepted before. */
  clusterId: () => string | null
  /** Where a member listens for others, as host:port; null when that is not known. */
  addressOf: (id: NodeId) => string | null
  /** Why a node may not talk to this one; null when it may. */
  admit: (id: NodeId) => PeerRefusal | null
  /** What this node says of its own address. */
  advertised: () => string | null
  onMessage: (message: Message) => void
  /** Messages to the peer are being lost: once for each loss of contact. */
  onUnreachable: (id: NodeId) => void
  /** From now on the peer gets what is sent to it. */
  onConnected?: (id: NodeId) => void
  /** A peer says where it listens. */
  onAddress: (id: NodeId, address: string) => void
  /** A peer wants nothing of this node: once for each change of its mind. */
  onRefused: (id: NodeId, refusal: PeerRefusal) => void
  /** Answers a request. What it throws is told to the peer as a failure with that text. */
  onRequest: (from: NodeId, method: number, body: Buffer) => Promise<Buffer>
  log: FastifyBaseLogger
  /** What this node speaks of the protocol, and says that it does. */
  versions?: Versions
  /** Bytes that wait for one slow peer before messages to it are dropped, until half of them are gone. */
  bufferBytesMax: number
  /** The longest frame that is sent or taken: more than the largest entry needs. */
  frameBytesMax?: number
  /** So long a handshake may take for the node that dials. */
  dialTimeoutMs?: number
  /** So long whoever connects to the listener may take to say what it wants. */
  handshakeTimeoutMs?: number
  /** As many may be about to do so. The one that came first is cut off for one too many. */
  handshakesMax?: number
  /** A connection without a sign of life for so long is given up; it is asked for one three times in that. */
  idleMs?: number
  backoffMinMs?: number
  backoffMaxMs?: number
  /** Opens a connection to a node, to which can be written at once. */
  connect?: Connect
  /** Why what a node has shown of itself does not go with what it says; null when it does. */
  mismatch?: (socket: Socket, claim: PeerClaim) => string | null
}

export type CompleteOptions = Required<TransportOptions>

export function connectPlainly (host: string, port: number): Socket {
  return connect({ host, port, lookup: lookupInLine })
}

export const defaults = {
  versions: protocolVersions,
  frameBytesMax: 512 * 1024 * 1024,
  dialTimeoutMs: 2000,
  handshakeTimeoutMs: 5000,
  handshakesMax: 256,
  idleMs: 6000,
  backoffMinMs: 50,
  backoffMaxMs: 2000,
  onConnected: () => {},
  connect: connectPlainly,
  mismatch: () => null,
}
