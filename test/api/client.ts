import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import type { Config } from '../../app/config.ts'
import { buildNode } from '../support/node.ts'
import { checkManners } from './manners.ts'

export type Headers = Record<string, string>

export interface Answer {
  status: number
  headers: LightMyRequestResponse['headers']
  text: string
  /** The body as parsed JSON; the text where it is none. */
  body: any
}

type Method = NonNullable<InjectOptions['method']>

/** A client of one node that holds every answer against the manners which all answers have. */
export class Client {
  readonly app: FastifyInstance

  constructor (app: FastifyInstance) {
    this.app = app
  }

  /** A body that is neither a text nor bytes is sent as JSON. */
  async request (method: Method, url: string, body?: unknown, headers: Headers = {}): Promise<Answer> {
    const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body)
    const answer = await this.app.inject({
      method,
      url,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { payload: raw ? body : JSON.stringify(body) }),
    })
    const isJson = /[/+]json(;|$)/.test(String(answer.headers['content-type'])) && answer.payload !== ''
    const { statusCode: status, payload: text } = answer
    const seen = { status, headers: answer.headers, text, body: isJson ? answer.json() : text }
    checkManners(seen, method)
    return seen
  }

  get (url: string, headers?: Headers): Promise<Answer> {
    return this.request('GET', url, undefined, headers)
  }

  head (url: string, headers?: Headers): Promise<Answer> {
    return this.request('HEAD', url, undefined, headers)
  }

  post (url: string, body: unknown, headers?: Headers): Promise<Answer> {
    return this.request('POST', url, body, headers)
  }

  put (url: string, body: unknown, headers?: Headers): Promise<Answer> {
    return this.request('PUT', url, body, headers)
  }

  delete (url: string, headers?: Headers): Promise<Answer> {
    return this.request('DELETE', url, undefined, headers)
  }

  /** The database's revision, as every answer tells it. */
  async revision (): Promise<number> {
    return revisionOf(await this.get('/livez'))
  }

  /** The newest changes of the feed. */
  async newest (count: number): Promise<any[]> {
    const { body } = await this.get(`/changes?since=${await this.revision() - count}`)
    return body.changes
  }
}

/** A node of its own for a test. Small log files, because each is filled with zeros when it is made. */
export async function startNode (t: Test, overrides: Partial<Config> = {}): Promise<Client> {
  return new Client(await buildNode(t, { logSegmentBytes: 256 * 1024, ...overrides }))
}

/** A node with the tenant `coke` and its collection `settings`. Their revisions and ids are 1 and 2. */
export async function startStocked (t: Test, overrides: Partial<Config> = {}): Promise<Client> {
  const client = await startNode(t, overrides)
  await client.post('/tenants', { name: 'coke' })
  await client.post('/tenants/coke/collections', { name: 'settings' })
  return client
}

export const keysPath = '/tenants/coke/collections/settings/keys'

export function revisionOf (answer: Answer): number {
  return Number(answer.headers['changewell-revision'])
}

/** Asserts that the answer is a problem of the code, with these members among others. */
export function refused (
  t: Test, answer: Answer, status: number, code: string, members: Record<string, unknown> = {}
): void {
  t.match(answer.body, { code, status, ...members }, code)
  t.equal(answer.status, status)
}

/** Asserts that the answer is INVALID_FIELD about the field. */
export function invalid (t: Test, answer: Answer, field: string, reason: RegExp = /./): void {
  refused(t, answer, 400, 'INVALID_FIELD', { reason })
  t.equal(answer.body.field, field)
}
