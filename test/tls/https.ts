import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request, type RequestOptions } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { Config } from '../../app/config.ts'
import type { Issued } from '../../app/certificates/issue.ts'
import { buildNode } from '../support/node.ts'

export interface SecureNode {
  app: FastifyInstance
  port: number
}

/** A node in this process that listens on a free port of the loopback. */
export async function secureNode (t: Test, config: Partial<Config>): Promise<SecureNode> {
  const app = await buildNode(t, { logSegmentBytes: 256 * 1024, ...config })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, port: portOf(app.server) }
}

export function portOf (server: Pick<Server, 'address'>): number {
  return (server.address() as AddressInfo).port
}

export interface SecureAnswer {
  status: number
  headers: IncomingMessage['headers']
  body: any
}

/** One request over a connection of its own. */
export async function ask (
  port: number, path: string, options: RequestOptions & { ca: string, body?: unknown }
): Promise<SecureAnswer> {
  const { body, headers, ...rest } = options
  const text = body === undefined ? '' : JSON.stringify(body)
  const outgoing = request({
    host: '127.0.0.1',
    port,
    path,
    agent: false,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }) },
    ...rest,
  })
  outgoing.end(text)
  const [response] = await once(outgoing, 'response') as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
  const answer = Buffer.concat(chunks).toString()
  const isJson = /json/.test(String(response.headers['content-type']))
  return { status: response.statusCode ?? 0, headers: response.headers, body: isJson ? JSON.parse(answer) : answer }
}

/** What a client shows of itself. */
export function show ({ certificate, key }: Issued): { cert: string, key: string } {
  return { cert: certificate, key }
}

/**
 * Opens a connection, sends a request and waits until something is answered, or the connection ends. Null when it was
 * let in; else the code of the error, or `closed`. With TLS 1.3 a client learns only then that it was refused.
 */
export async function knock (t: Test, port: number, options: ConnectionOptions): Promise<string | null> {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, ...options })
  t.teardown(() => { socket.destroy() })
  const outcome = new Promise<string | null>((resolve) => {
    socket.once('data', () => resolve(null))
    socket.once('error', ({ code, message }: NodeJS.ErrnoException) => resolve(code === undefined || code === 'EPROTO' ? message : code))
    socket.once('close', () => resolve('closed'))
  })
  socket.write('GET /livez HTTP/1.1\r\nhost: node\r\n\r\n')
  const result = await outcome
  socket.destroy()
  return result
}
