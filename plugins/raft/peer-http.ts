import { request, type IncomingMessage, type RequestOptions } from 'node:http'
import { once } from 'node:events'
import { text as textOf } from 'node:stream/consumers'
import { callerHeaders, splitAddress, type Caller, type Connect } from './transport/index.ts'

/** How this node calls others. */
export interface PeerCaller {
  connect: Connect
  /** What it says of itself. */
  self: () => Caller
}

/** A call to another node's peers' listener that did not get as far as an answer, or got a refusal. */
export class PeerCallError extends Error {
  /** The stable code of a refusal; null when there was no answer. */
  readonly code: string | null
  constructor (message: string, code: string | null = null, options?: ErrorOptions) {
    super(message, options)
    this.name = 'PeerCallError'
    this.code = code
  }
}

const patienceMs = 10_000

/** So long a body may say nothing: a sender that is gone without a word is not waited for. */
const silenceMs = 30_000

/** What a port for clients answers, and none for other nodes does. */
const ofClientsPort: ReadonlySet<string> = new Set(['ROUTE_NOT_FOUND', 'UNAUTHENTICATED'])

/** Opens a response, soon or not at all; its body is the caller's. */
export async function openPeer (
  caller: PeerCaller, address: string, path: string, signal?: AbortSignal
): Promise<IncomingMessage> {
  const options = { ...to(caller, address), path }
  const outgoing = request(signal === undefined ? options : { ...options, signal }).on('error', heardByTheReader)
  const timer = setTimeout(() => outgoing.destroy(late(patienceMs)), patienceMs)
  outgoing.end()
  try {
    const [response] = await once(outgoing, 'response') as [IncomingMessage]
    return response.setTimeout(silenceMs, () => response.destroy(new Error(`nothing came for ${silenceMs} ms`)))
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Posts JSON to a node and resolves to the JSON of its answer.
 *
 * @throws PeerCallError
 */
export async function postPeer (
  caller: PeerCaller, address: string, path: string, body: unknown, timeoutMs = patienceMs
): Promise<unknown> {
  const text = JSON.stringify(body)
  const options = to(caller, address)
  const outgoing = request({
    ...options,
    path,
    method: 'POST',
    headers: { ...options.headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
  }).on('error', heardByTheReader)
  let end: Error | null = null
  const timer = setTimeout(() => outgoing.destroy(end = late(timeoutMs)), timeoutMs)
  outgoing.end(text)
  let answer: string
  let status: number
  try {
    const [response] = await once(outgoing, 'response') as [IncomingMessage]
    status = response.statusCode ?? 0
    answer = await textOf(response)
  } catch (error) {
    // Of an answer that had begun Node tells only that it was broken off.
    const cause = end ?? error as Error
    throw new PeerCallError(cause.message, null, { cause })
  } finally {
    clearTimeout(timer)
  }
  if (status === 200) return JSON.parse(answer) as unknown
  const { code, detail } = refusalOf(answer)
  if (code !== undefined && ofClientsPort.has(code)) {
    throw new PeerCallError('it looks like a port for clients; name the one for other nodes (CHANGEWELL_PEER_PORT there, 9001 unless set)')
  }
  throw new PeerCallError(detail ?? `it answered ${status}`, code ?? null)
}

/** What becomes of a connection after its answer has begun is told to whoever reads the answer. */
function heardByTheReader (): void {}

function late (timeoutMs: number): Error {
  return Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: 'ETIMEDOUT' })
}

/** A connection for one call, to whatever node is there. */
function to ({ connect, self }: PeerCaller, address: string): RequestOptions & { headers: Record<string, string> } {
  const { host, port } = splitAddress(address)
  return {
    host, port, headers: callerHeaders(self()), createConnection: () => connect(host, port, null),
  }
}

function refusalOf (answer: string): { code?: string, detail?: string } {
  try {
    return JSON.parse(answer) as { code?: string, detail?: string }
  } catch {
    return {}
  }
}
