import type { IncomingMessage } from 'node:http'
import type { NodeId } from '../core/index.ts'

/**
 * The handshake is an HTTP upgrade: `GET /raft`, with what the node that dials says of itself in headers. The answer is
 * 101, or a refusal as JSON with a status of its own.
 */

/** Versions of the protocol, from the oldest to the newest. */
export interface Versions {
  oldest: number
  newest: number
}

/**
 * What this release speaks. Two nodes talk in the newest version that both of them do. A release that brings a version
 * goes on speaking the one before, so that a cluster can be upgraded node by node.
 */
export const protocolVersions: Versions = { oldest: 1, newest: 1 }

export const protocolName = 'changewell-raft'

export const handshakePath = '/raft'

/** The HTTP status of each refusal. */
const statuses = {
  /** It is no node, or one of a release that this one cannot talk to. */
  protocol: '400 Bad Request',
  /** It is not known to be a member. */
  'unknown-node': '403 Forbidden',
  /** Its certificate is another node's. */
  'wrong-certificate': '403 Forbidden',
  'wrong-cluster': '409 Conflict',
  removed: '410 Gone',
  /** Another process has its id, and still runs. */
  twin: '409 Conflict',
  /** It wanted to reach another node than the one that is here. */
  'wrong-node': '421 Misdirected Request',
  /** The node that it reached belongs to no cluster yet. */
  'not-ready': '503 Service Unavailable',
} as const

/** Why a node may not talk to another: a code that stays the same, and a sentence whose "it" is who was refused. */
export interface PeerRefusal {
  code: keyof typeof statuses
  reason: string
}

/** What the node that dials says of itself. */
export interface Hello {
  versions: Versions
  clusterId: string
  from: NodeId
  /** Which process of that node it is: no two have the same. */
  instance: string
  /** Whom it expects to reach. */
  to: NodeId
  /** Where it listens itself, as far as it knows. */
  address: string | null
}

export function helloHeaders ({ versions, clusterId, from, instance, to, address }: Hello): Record<string, string> {
  return {
    connection: 'Upgrade',
    upgrade: protocolName,
    'changewell-protocol': `${versions.oldest}-${versions.newest}`,
    'changewell-cluster': clusterId,
    'changewell-instance': instance,
    'changewell-to': to,
    ...callerHeaders({ from, address }),
  }
}

/** What a node says of itself whenever it calls another. */
export type Caller = Pick<Hello, 'from' | 'address'>

export function callerHeaders ({ from, address }: Caller): Record<string, string> {
  return { 'changewell-node': from, ...(address === null ? {} : { 'changewell-address': address }) }
}

/** Null when whoever calls does not say which node it is. */
export function readCaller (headers: IncomingMessage['headers']): Caller | null {
  const [from, address] = [textOf(headers, 'changewell-node'), textOf(headers, 'changewell-address')]
  return isNodeId(from) ? { from, address: address || null } : null
}

function textOf (headers: IncomingMessage['headers'], name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}

/** Null when the request is no handshake of ours. */
export function readHello ({ method, url, headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>): Hello | null {
  const caller = readCaller(headers)
  const [to, instance] = [textOf(headers, 'changewell-to'), textOf(headers, 'changewell-instance')]
  const versions = readVersions(textOf(headers, 'changewell-protocol'))
  const isOurs = method === 'GET' && url === handshakePath && textOf(headers, 'upgrade').toLowerCase() === protocolName
  if (!isOurs || caller === null || !isNodeId(to) || instance === '' || versions === null) return null
  return { versions, clusterId: textOf(headers, 'changewell-cluster'), to, instance, ...caller }
}

/** `1-3`, or `2` for that one alone; null for anything else. */
function readVersions (text: string): Versions | null {
  const match = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(text)
  if (match === null) return null
  const oldest = Number(match[1])
  const newest = Number(match[2] ?? oldest)
  return oldest <= newest ? { oldest, newest } : null
}

/** In which version two nodes talk; null when there is none that both speak. */
export function commonVersion (one: Versions, other: Versions): number | null {
  const newest = Math.min(one.newest, other.newest)
  return newest >= Math.max(one.oldest, other.oldest) ? newest : null
}

function written ({ oldest, newest }: Versions): string {
  return oldest === newest ? `version ${newest}` : `versions ${oldest} to ${newest}`
}

/** What a node that was dialled has against the one that dialled; null for nothing. */
export function refusalOf (
  { versions, clusterId, from, to }: Hello,
  own: { versions: Versions, clusterId: string | null, nodeId: NodeId, admit: (id: NodeId) => PeerRefusal | null }
): PeerRefusal | null {
  if (commonVersion(versions, own.versions) === null) {
    const reason = `it speaks ${written(versions)} of the protocol, and ${own.nodeId} ${written(own.versions)}`
    return { code: 'protocol', reason }
  }
  if (to !== own.nodeId) return { code: 'wrong-node', reason: `it looks for ${to} where ${own.nodeId} is` }
  if (own.clusterId === null) return { code: 'not-ready', reason: `${own.nodeId} belongs to no cluster yet` }
  if (clusterId !== own.clusterId) {
    return { code: 'wrong-cluster', reason: `it belongs to cluster ${clusterId}, and ${own.nodeId} to ${own.clusterId}` }
  }
  if (from === own.nodeId) return { code: 'wrong-node', reason: `it has the id of ${own.nodeId}, which it looks for` }
  return own.admit(from)
}

/** Why a node is not let in whose id another process has. */
export function twinRefusal (address: string): PeerRefusal {
  return {
    code: 'twin',
    reason: `its id already runs at ${address}, as another process: two nodes must not run from copies of one folder; ` +
      'stop one, or give the copy an empty data folder',
  }
}

/** Of a process that waits until it is known. */
export function maybeTwinRefusal (address: string): PeerRefusal {
  return { code: 'not-ready', reason: `another process with its id is connected from ${address}, and does not say whether it still runs` }
}

/** The answer to a node that is welcome. It says who answers, and in which version the two talk from here on. */
export function welcome (nodeId: NodeId, version: number): string {
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocolName}\r\n` +
    `Changewell-Node: ${nodeId}\r\nChangewell-Protocol: ${version}\r\n\r\n`
}

export function refused (refusal: PeerRefusal): string {
  const body = JSON.stringify(refusal)
  return `HTTP/1.1 ${statuses[refusal.code]}\r\nContent-Type: application/json\r\nConnection: close\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** The refusal in an answer's body; null when there is none. */
export function readRefusal (body: string): PeerRefusal | null {
  try {
    const { code, reason } = JSON.parse(body) as Partial<PeerRefusal>
    if (code === undefined || !Object.hasOwn(statuses, code) || typeof reason !== 'string') return null
    return { code, reason }
  } catch {
    return null
  }
}

export function isNodeId (text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text)
}
