import { once } from 'node:events'
import { request, Agent } from 'node:https'
import { createServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'
import type { ApiServer } from './api-server.ts'

/** What becomes of a call: null lets it pass. */
export type Fate =
  null |
  /** Answered here, with this status and these headers. */
  { status: number, headers?: Record<string, string> } |
  /** Never answered. */
  'stalled' |
  /** Passed on, but the answer is lost. */
  'unanswered' |
  /** Passed on, and the answer is kept until then. */
  { until: Promise<unknown> }

export interface Call {
  method: string
  path: string
  isWatch: boolean
}

/** Stands between one pod and the API server, and meddles with its calls: a network and a server that fail. */
export class Meddler {
  /** Every call that came, oldest first. */
  readonly calls: Call[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #fate: (call: Call) => Fate = () => null
  #isCut = false

  private constructor (target: ApiServer) {
    const { certificate: { cert, key } } = target
    const agent = new Agent({ ca: cert, keepAlive: false })
    this.#server = createServer({ cert, key }, (incoming, outgoing) => this.#handle(incoming, outgoing, target, agent))
    this.#server.on('connection', (socket: Socket) => {
      if (this.#isCut) {
        socket.destroy()
        return
      }
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      socket.on('error', () => {})
    })
  }

  static async start (t: Test, target: ApiServer): Promise<Meddler> {
    const meddler = new Meddler(target)
    meddler.#server.listen(0, '127.0.0.1')
    await once(meddler.#server, 'listening')
    t.teardown(() => meddler.close())
    return meddler
  }

  get port (): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Decides about calls from now on. */
  meddle (fate: (call: Call) => Fate): void {
    this.#fate = fate
  }

  /** Nothing passes any more, and what was open breaks. */
  cut (): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  mend (): void {
    this.#isCut = false
  }

  /** The calls of a kind, so far. */
  count (method: string, what: 'watch' | 'list' | 'any' = 'any'): number {
    return this.calls.filter((call) => call.method === method &&
      (what === 'any' || (call.path.includes('/pods?') && call.isWatch === (what === 'watch')))).length
  }

  async close (): Promise<void> {
    this.cut()
    await new Promise((resolve) => { this.#server.close(resolve) })
  }

  #handle (incoming: IncomingMessage, outgoing: ServerResponse, target: ApiServer, agent: Agent): void {
    const call = { method: incoming.method!, path: incoming.url!, isWatch: incoming.url!.includes('watch=true') }
    this.calls.push(call)
    const fate = this.#fate(call)
    if (fate === 'stalled') return
    if (fate !== null && typeof fate === 'object' && 'status' in fate) {
      incoming.resume()
      outgoing.writeHead(fate.status, { 'content-type': 'application/json', ...fate.headers })
      outgoing.end(JSON.stringify({ kind: 'Status', status: 'Failure', code: fate.status, message: `meddled with: ${fate.status}` }))
      return
    }
    const onward = request({
      host: '127.0.0.1', port: target.port, agent, method: call.method, path: call.path, headers: incoming.headers,
    }, (answer) => {
      if (fate === 'unanswered') {
        answer.resume().on('end', () => outgoing.destroy())
        return
      }
      const pass = (): void => {
        outgoing.writeHead(answer.statusCode!, answer.headers)
        outgoing.flushHeaders()
        answer.pipe(outgoing)
        answer.on('error', () => outgoing.destroy())
      }
      if (fate === null) pass()
      else void fate.until.then(pass)
    })
    onward.on('error', () => outgoing.destroy())
    outgoing.on('close', () => { if (fate !== 'unanswered') onward.destroy() })
    outgoing.on('error', () => {})
    incoming.pipe(onward)
  }
}
