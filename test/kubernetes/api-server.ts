import { request } from 'node:https'
import type { Certificate } from './certificate.ts'

/** An API server for tests: the stand-in in this process, or a real kube-apiserver. */
export interface ApiServer {
  readonly port: number
  readonly certificate: Certificate
  /** Of somebody who may do everything. */
  readonly adminToken: string
  /** Ends as if it were killed; what it stored stays. */
  kill (): Promise<void>
  /** Starts again on the same port. */
  start (): Promise<void>
}

export interface Answer {
  status: number
  body: any
}

/** One call to the API server, past all that a test does to the calls of pods. */
export async function call (
  server: ApiServer, method: string, path: string, body?: unknown, contentType = 'application/json'
): Promise<Answer> {
  const text = body === undefined ? '' : JSON.stringify(body)
  return await new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port: server.port,
      ca: server.certificate.cert,
      agent: false,
      method,
      path,
      headers: {
        authorization: `Bearer ${server.adminToken}`,
        ...(body === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }),
      },
    }, (response) => {
      let answer = ''
      response.setEncoding('utf8').on('data', (part: string) => { answer += part })
      response.on('end', () => {
        let parsed: unknown = answer
        try {
          parsed = JSON.parse(answer)
        } catch {}
        resolve({ status: response.statusCode!, body: parsed })
      })
      response.on('error', reject)
    })
    outgoing.on('error', reject)
    outgoing.end(text)
  })
}

/** The same, for what must succeed. Resolves to the body. */
export async function expectCall (...[server, method, path, body, contentType]: Parameters<typeof call>): Promise<Answer['body']> {
  const answer = await call(server, method, path, body, contentType)
  if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return answer.body
}
