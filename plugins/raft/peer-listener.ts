import { setTimeout as sleep } from 'node:timers/promises'
import { Readable } from 'node:stream'
import type { AddressInfo, Socket } from 'node:net'
import type { Server as TlsServer } from 'node:tls'
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyRequest } from 'fastify'
import { Problem } from '../../storage/problem.ts'
import type { NodeId } from './core/index.ts'
import type { Identity } from './identity.ts'
import type { JoinRequest, JoinAnswer } from './join.ts'
import type { PeerSecurity } from './peer-security.ts'
import type { ImageFile, ImageFolder } from './snapshots/files.ts'
import { positionOf } from './snapshots/files.ts'
import { hostOf, joinAddress, readCaller, type Caller, type PeerClaim, type Transport } from './transport/index.ts'

export type RenderProblem = (problem: Problem) => { status: number, headers: Record<string, string>, body: string }

export interface PeerListenerOptions {
  transport: Transport
  /** Null to listen without TLS. */
  security: PeerSecurity | null
  folder: ImageFolder
  /** The image of that position, while this node has it to give. */
  imageAt: (index: number, term: number) => ImageFile | null
  /** Where a member listens for others; null when that is not known. */
  addressOf: (id: NodeId) => string | null
  /** Whether the node is another member of this one's cluster. */
  isMember: (id: NodeId) => boolean
  snapshotBytesPerSecond: number
  /** So long a whole request may take to arrive. */
  requestTimeoutSeconds: number
  join: (request: JoinRequest) => Promise<JoinAnswer>
  identity: () => Identity
  renderProblem: RenderProblem
  log: FastifyBaseLogger
}

/** A connection on which nothing moves for so long is closed; those of peers have a limit of their own. */
const stallMs = 60_000

const joinBody = {
  type: 'object',
  required: ['id', 'role', 'peerAddress', 'apiAddress', 'isEmpty'],
  properties: {
    id: { type: 'string', pattern: '^[0-9a-f]{16}$' },
    role: { enum: ['voter', 'replica', null] },
    peerAddress: { type: 'string', minLength: 1, maxLength: 300 },
    apiAddress: { type: 'string', minLength: 1, maxLength: 300 },
    isEmpty: { type: 'boolean' },
    clusterId: { type: 'string', pattern: '^[0-9a-f]{16}$' },
  },
} as const

/** What only other nodes call: a listener of its own, for messages (after an upgrade), join calls and snapshots. */
export class PeerListener {
  readonly #app: FastifyInstance
  #address: string | null = null

  constructor (options: PeerListenerOptions) {
    const { transport, security, folder, imageAt, addressOf, isMember, log, renderProblem } = options
    const http = { connectionsCheckingInterval: Math.min(options.requestTimeoutSeconds * 500, 5000) }
    this.#app = Fastify({
      ...(security === null ? { http } : { https: { ...http, ...security.listenerOptions } }),
      loggerInstance: log,
      logController: new LogController({ disableRequestLogging: true }),
      forceCloseConnections: true,
      // Whoever sends its request byte by byte, or takes no answer, does not stay.
      requestTimeout: options.requestTimeoutSeconds * 1000,
      connectionTimeout: stallMs,
      bodyLimit: 64 * 1024,
    }) as unknown as FastifyInstance
    security?.attach(this.#app.server as unknown as TlsServer)
    // Of the two times Node takes the longer one for the whole request.
    this.#app.server.headersTimeout = this.#app.server.requestTimeout
    this.#app.server.maxHeadersCount = 0
    transport.attach(this.#app.server)
    this.#app.setErrorHandler((error, request, reply) => {
      const problem = error instanceof Problem
        ? error
        : new Problem('BAD_REQUEST', { reason: error instanceof Error ? error.message : String(error) })
      if (!(error instanceof Problem)) request.log.warn({ err: error }, 'a call of another node failed')
      const { status, headers, body } = renderProblem(problem)
      // Of a text Fastify would say the character set, which JSON has none of.
      return reply.code(status).headers(headers).send(Buffer.from(body))
    })

    const assertProven = (socket: Socket, claim: PeerClaim): void => {
      const reason = security?.mismatch(socket, claim) ?? null
      if (reason !== null) throw new Problem('PEER_CERTIFICATE', { reason })
    }

    // Also for those that are about to join.
    this.#app.post('/identity', async (request) => {
      const { from, address } = callerOf(request)
      assertProven(request.raw.socket, { id: from, host: hostOf(address ?? addressOf(from)) })
      return options.identity()
    })

    this.#app.post<{ Body: JoinRequest }>('/join', { schema: { body: joinBody } }, async ({ body, raw }) => {
      assertProven(raw.socket, { id: body.id, host: hostOf(body.peerAddress) })
      return options.join(body)
    })

    this.#app.get<{ Params: { name: string }, Querystring: { offset?: string } }>('/snapshots/:name', async (request, reply) => {
      const { from } = callerOf(request)
      // All that is stored is in it: where a member is counts, and not where whoever asks says that it is.
      assertProven(request.raw.socket, { id: from, host: hostOf(addressOf(from)) })
      if (!isMember(from)) throw new Problem('MEMBER_NOT_FOUND', { id: from })
      const at = positionOf(request.params.name)
      const file = at === null ? null : imageAt(at.index, at.term)
      const offset = Number(request.query.offset ?? 0)
      if (file === null || !(offset >= 0 && offset <= file.bytes)) return reply.code(404).send({ code: 'SNAPSHOT_GONE' })
      reply.header('changewell-snapshot-bytes', file.bytes).header('content-type', 'application/octet-stream')
      const chunks = paced(folder.read(file, offset), options.snapshotBytesPerSecond)
      return reply.send(Readable.from(kept(chunks, () => imageAt(file.index, file.term))))
    })
  }

  /** Where it listens, as host:port; null while it does not. */
  get address (): string | null {
    return this.#address
  }

  async listen (host: string, port: number): Promise<string> {
    await this.#app.listen({ host, port, listenTextResolver: (address) => `it listens for other nodes at ${new URL(address).host}` })
    const { address, port: actual } = this.#app.server.address() as AddressInfo
    this.#address = joinAddress(address, actual)
    return this.#address
  }

  async close (): Promise<void> {
    await this.#app.close()
  }
}

function callerOf ({ headers }: Pick<FastifyRequest, 'headers'>): Caller {
  const caller = readCaller(headers)
  if (caller === null) throw new Problem('BAD_REQUEST', { reason: 'it does not say which node it is (changewell-node)' })
  return caller
}

/** The chunks; with each it is said that they are still being read. */
async function * kept (chunks: AsyncIterable<Buffer>, read: () => unknown): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    read()
    yield chunk
  }
}

/** The chunks, no faster than so many bytes a second. */
async function * paced (chunks: AsyncIterable<Buffer>, bytesPerSecond: number): AsyncGenerator<Buffer> {
  const begun = performance.now()
  let bytes = 0
  for await (const chunk of chunks) {
    yield chunk
    bytes += chunk.length
    const aheadMs = bytes / bytesPerSecond * 1000 - (performance.now() - begun)
    if (aheadMs > 1) await sleep(aheadMs)
  }
}
