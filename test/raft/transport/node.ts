import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import pino from 'pino'
import type { Test } from 'tap'
import type { Message, NodeId } from '../../../plugins/raft/core/index.ts'
import { helloHeaders, protocolVersions, type Hello } from '../../../plugins/raft/transport/handshake.ts'
import {
  PeerError, Transport, type PeerRefusal, type PeerStatus, type TransportOptions,
} from '../../../plugins/raft/transport/index.ts'

export const [a, b, c] = ['a'.repeat(16), 'b'.repeat(16), 'c'.repeat(16)] as [NodeId, NodeId, NodeId]

export const clusterId = 'c1'

type Line = Record<string, unknown> & { level: number, msg: string }

/** Where the nodes of a test are. */
export type Addresses = Map<NodeId, string>

/** A transport with a server of its own, and all that it has told. */
export class TestNode {
  readonly id: NodeId
  readonly transport: Transport
  readonly messages: Message[] = []
  readonly unreachable: NodeId[] = []
  readonly connected: NodeId[] = []
  readonly said: { id: NodeId, address: string }[] = []
  readonly refusals: { id: NodeId, refusal: PeerRefusal }[] = []
  readonly lines: Line[] = []
  readonly server: Server = createServer((_request, response) => { response.end('hello') })
  clusterId: string | null = clusterId
  admit: (id: NodeId) => PeerRefusal | null = () => null
  onRequest: TransportOptions['onRequest'] = async (_from, _method, body) => body
  onMessage: (message: Message) => void = () => {}

  constructor (t: Test, id: NodeId, addresses: Addresses, options: Partial<TransportOptions> = {}) {
    this.id = id
    this.transport = new Transport({
      nodeId: () => id,
      instance: randomUUID(),
      instanceAt: async () => null,
      clusterId: () => this.clusterId,
      addressOf: (peer) => addresses.get(peer) ?? null,
      admit: (peer) => this.admit(peer),
      advertised: () => addresses.get(id) ?? null,
      onMessage: (message) => {
        this.messages.push(message)
        this.onMessage(message)
      },
      onUnreachable: (peer) => { this.unreachable.push(peer) },
      onConnected: (peer) => { this.connected.push(peer) },
      onAddress: (peer, address) => { this.said.push({ id: peer, address }) },
      onRefused: (peer, refusal) => { this.refusals.push({ id: peer, refusal }) },
      onRequest: (from, method, body) => this.onRequest(from, method, body),
      log: pino({ level: 'debug' }, { write: (line: string) => { this.lines.push(JSON.parse(line) as Line) } }),
      bufferBytesMax: 1024 * 1024,
      backoffMinMs: 5,
      backoffMaxMs: 100,
      ...options,
    })
    this.transport.attach(this.server)
    t.teardown(() => this.close())
  }

  async listen (port = 0): Promise<string> {
    await new Promise<void>((resolve) => { this.server.listen(port, '127.0.0.1', resolve) })
    return this.address
  }

  get address (): string {
    return `127.0.0.1:${this.port}`
  }

  get port (): number {
    return (this.server.address() as AddressInfo).port
  }

  peer (id: NodeId): PeerStatus {
    return this.transport.peers().find((peer) => peer.id === id)!
  }

  logged (text: string): Line[] {
    return this.lines.filter(({ msg }) => msg.includes(text))
  }

  async close (): Promise<void> {
    await this.transport.close()
    this.server.closeAllConnections()
    await new Promise<void>((resolve) => { this.server.close(() => resolve()) })
  }
}

/** Nodes that listen and know where the others are. */
export async function nodes (
  t: Test, ids: readonly NodeId[], options: Partial<TransportOptions> = {}
): Promise<TestNode[]> {
  const addresses: Addresses = new Map()
  return await Promise.all(ids.map((id) => startNode(t, id, addresses, options)))
}

export async function startNode (
  t: Test, id: NodeId, addresses: Addresses, options: Partial<TransportOptions> = {}, port = 0
): Promise<TestNode> {
  const node = new TestNode(t, id, addresses, options)
  addresses.set(id, await node.listen(port))
  return node
}

/** Every node has a connection to every other. */
export async function meet (all: readonly TestNode[]): Promise<void> {
  for (const node of all) node.transport.setPeers(all.map(({ id }) => id))
  await until(() => all.every((node) => node.transport.peers().every(({ connected }) => connected)), 'connections')
}

export async function until (condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 30_000
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => { setTimeout(resolve, 2) })
  }
}

/** The error of a request that must not be answered. */
export async function failure (answer: Promise<Buffer>): Promise<PeerError> {
  const error = await answer.then(() => null, (reason: unknown) => reason)
  if (!(error instanceof PeerError)) throw new Error('there was an answer')
  return error
}

export function heartbeat (from: NodeId, to: NodeId, commit: number): Message {
  return { type: 'heartbeat', from, to, term: 1, commit, context: null }
}

export function append (from: NodeId, to: NodeId, bytes: number): Message {
  const entries = [{ index: 2, term: 1, type: 0, data: Buffer.alloc(bytes) }]
  return { type: 'append', from, to, term: 1, index: 1, logTerm: 1, commit: 1, entries }
}

export function commits (messages: readonly Message[]): number[] {
  return messages.map((message) => message.type === 'heartbeat' ? message.commit : -1)
}

/** A socket that speaks byte for byte what a test wants, and all that was answered. */
export class RawPeer {
  readonly socket: Socket
  readonly chunks: Buffer[] = []
  closed = false

  constructor (t: Test, port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', (chunk: Buffer) => this.chunks.push(chunk)).on('error', () => {})
    this.socket.on('close', () => { this.closed = true })
    t.teardown(() => this.socket.destroy())
  }

  get text (): string {
    return Buffer.concat(this.chunks).toString('latin1')
  }

  shakeHands (hello: Partial<Hello>, more: Record<string, string> = {}): void {
    const said = { versions: protocolVersions, clusterId, from: b, instance: 'b1', to: a, address: null, ...hello }
    const headers = { ...helloHeaders(said), ...more }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    this.socket.write(`GET /raft HTTP/1.1\r\nhost: node\r\n${lines.join('')}\r\n`)
  }

  async welcome (): Promise<void> {
    await until(() => this.text.includes('101 Switching Protocols'), 'the answer to the handshake')
  }
}
