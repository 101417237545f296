import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Address } from './address.ts'
import { handshakePath, helloHeaders, protocolName, readRefusal, type Hello, type PeerRefusal } from './handshake.ts'
import type { Connect } from './options.ts'

export interface DialOptions {
  address: Address
  hello: Hello
  timeoutMs: number
  connect: Connect
  /** `version` is what the two talk in. */
  onConnected: (socket: Socket, head: Buffer, version: number) => void
  onRefused: (refusal: PeerRefusal) => void
  /** Nobody answered. */
  onFailed: (error: Error) => void
}

/** A refusal is longer than this only if it is none of ours. */
const refusalCharsMax = 4096

/** Dials a node and shakes hands. One of the three callbacks is called later, once; what this returns prevents it. */
export function dial (options: DialOptions): () => void {
  const { hello, timeoutMs, onFailed } = options
  let handshake: ClientRequest
  try {
    handshake = open(options)
  } catch (error) {
    const soon = setImmediate(() => onFailed(error as Error))
    return () => { clearImmediate(soon) }
  }
  let isOver = false
  const end = (tell?: () => void): void => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    tell?.()
  }
  const timer = setTimeout(() => handshake.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  handshake.on('error', (error) => end(() => onFailed(error)))
  handshake.on('close', () => end(() => onFailed(new Error('the connection was closed before an answer'))))
  handshake.on('upgrade', ({ headers }: IncomingMessage, socket: Socket, head: Buffer) => {
    if (isOver) return void socket.destroy()
    const reached = headers['changewell-node']
    const version = Number(headers['changewell-protocol'])
    const { oldest, newest } = hello.versions
    const isSpoken = version >= oldest && version <= newest
    if (headers.upgrade === protocolName && reached === hello.to && isSpoken) {
      return end(() => options.onConnected(socket, head, version))
    }
    socket.destroy()
    end(() => options.onRefused({ code: 'wrong-node', reason: `it looks for ${hello.to} where something else answers` }))
  })
  handshake.on('response', (response) => {
    let body = ''
    response.setEncoding('utf8')
    response.on('error', () => {})
    response.on('data', (text: string) => {
      body += text
      if (body.length > refusalCharsMax) response.destroy()
    })
    response.on('close', () => {
      handshake.destroy()
      const unknown = { code: 'protocol' as const, reason: `it was answered with status ${response.statusCode}, not by a node` }
      end(() => options.onRefused(readRefusal(body) ?? unknown))
    })
  })
  handshake.end()
  return () => {
    end()
    handshake.destroy()
  }
}

/** What this node was told to say of itself, or to connect with, may be no good: then this throws. */
function open ({ address: { host, port }, hello, connect }: DialOptions): ClientRequest {
  return request({
    host,
    port,
    path: handshakePath,
    headers: helloHeaders(hello),
    createConnection: () => connect(host, port, hello.to),
  })
}
