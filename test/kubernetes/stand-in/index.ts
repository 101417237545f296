import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { Socket } from 'node:net'
import { freePort } from '../../support/free-port.ts'
import type { ApiServer } from '../api-server.ts'
import type { Certificate } from '../certificate.ts'
import { Access, type Review, type TokenRequest, type User } from './access.ts'
import { Failure } from './failure.ts'
import { selects } from './labels.ts'
import { Objects, type Thing } from './objects.ts'
import { bodyOf, created, patched, removed, replaced, targetOf, type Target } from './routes.ts'
import { answerWatch, shown } from './watch.ts'

/** The parameters that it knows: another one is refused, so that no test passes because it was not looked at. */
const parameters = new Set([
  'watch', 'labelSelector', 'resourceVersion', 'timeoutSeconds', 'allowWatchBookmarks', 'gracePeriodSeconds',
])

/** The part of a kube-apiserver that discovery meets, over TLS, as strict as the real one where that is strict. */
export class StandIn implements ApiServer {
  readonly certificate: Certificate
  readonly #objects = new Objects()
  readonly #access = new Access(this.#objects)
  readonly #sockets = new Set<Socket>()
  #server: Server | null = null
  #port = 0

  constructor (certificate: Certificate) {
    this.certificate = certificate
  }

  get port (): number {
    return this.#port
  }

  get adminToken (): string {
    return this.#access.adminToken
  }

  async start (): Promise<void> {
    const { cert, key } = this.certificate
    const server = createServer({ cert, key }, (request, response) => { void this.#answer(request, response) })
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
    })
    this.#server = server
    if (this.#port === 0) this.#port = await freePort()
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
  }

  async kill (): Promise<void> {
    const server = this.#server
    if (server === null) return
    this.#server = null
    const closed = new Promise((resolve) => { server.close(resolve) })
    for (const socket of this.#sockets) socket.destroy()
    await closed
    this.#objects.forget()
  }

  async #answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const user = this.#access.userOf(request.headers.authorization)
      const url = new URL(request.url!, 'https://127.0.0.1')
      for (const name of url.searchParams.keys()) {
        if (!parameters.has(name)) throw new Failure(400, 'BadRequest', `the stand-in knows no parameter ${name}`)
      }
      let text = ''
      for await (const part of request.setEncoding('utf8') as AsyncIterable<string>) text += part
      if (url.pathname === '/apis/authorization.k8s.io/v1/subjectaccessreviews' && request.method === 'POST') {
        return send(response, 201, this.#access.review(user, JSON.parse(text) as Review))
      }
      this.#carryOut(request, response, user, targetOf(url.pathname), url.searchParams, text)
    } catch (error) {
      const failure = error instanceof Failure ? error : new Failure(500, 'InternalError', (error as Error).message)
      send(response, failure.code, failure.status)
    }
  }

  #carryOut (
    { method, headers }: IncomingMessage, response: ServerResponse, user: User, target: Target,
    query: URLSearchParams, text: string
  ): void {
    const { kind, namespace, name, subresource } = target
    const objects = this.#objects
    const may = (verb: string): void => this.#access.assertMay(user, verb, kind, namespace)
    const body = (): unknown => bodyOf(method!, headers['content-type'], text)
    if (subresource !== null && (subresource !== 'status' || method !== 'PATCH') && (subresource !== 'token' || method !== 'POST')) {
      throw new Failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
    }
    if (subresource !== null && !user.isAdmin) throw new Failure(403, 'Forbidden', `pods/${subresource} is forbidden: User "${user.name}"`)
    if (method === 'GET' && name === null && query.get('watch') === 'true') {
      may('watch')
      return answerWatch(response, { objects, kind, namespace, query })
    }
    if (method === 'GET' && name === null) {
      may('list')
      const items = objects.list(kind, namespace).filter(selects(query.get('labelSelector')))
      return send(response, 200, { kind: `${kind.kind}List`, apiVersion: kind.version, metadata: { resourceVersion: String(objects.version) }, items })
    }
    if (method === 'GET') {
      may('get')
      return send(response, 200, shown(kind, objects.get(kind, namespace, name!)))
    }
    if (method === 'POST' && subresource === 'token') {
      const account = objects.get(kind, namespace, name!)
      return send(response, 201, this.#access.issue(namespace, account, body() as TokenRequest))
    }
    if (method === 'POST' && name === null) {
      may('create')
      return send(response, 201, shown(kind, created(objects, target, body())))
    }
    if (method === 'PUT' && name !== null) {
      may('update')
      return send(response, 200, shown(kind, replaced(objects, target, body())))
    }
    if (method === 'PATCH' && name !== null) {
      may('patch')
      return send(response, 200, shown(kind, patched(objects, target, body())))
    }
    if (method === 'DELETE' && name !== null) {
      may('delete')
      const grace = query.get('gracePeriodSeconds')
      return send(response, 200, shown(kind, removed(objects, target, grace === null ? undefined : Number(grace))))
    }
    throw new Failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
  }
}

function send (response: ServerResponse, code: number, body: object | Thing): void {
  response.writeHead(code, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
