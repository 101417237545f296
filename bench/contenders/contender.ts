import { once } from 'node:events'
import { request as requestPlain, type IncomingMessage } from 'node:http'
import { request as requestTls } from 'node:https'
import { text } from 'node:stream/consumers'
import type { Target } from '../client/connect.ts'
import type { Watch } from '../client/delivery.ts'

/**
 * A server that takes part in a measurement, with the requests that ask it for the same thing as the others, in its own
 * words. Values are texts of JSON; keys are of `[a-z0-9-]` and the same for all.
 */
export interface Contender extends Target {
  name: string
  /** Of the server's process that is asked, whose time on the processors is counted. */
  pid: number
  /** Of all of its processes: in a cluster every node, the one that is asked first. */
  pids: number[]
  put: (key: string, value: string) => Buffer
  get: (key: string) => Buffer
  /** A read that need not be the newest; absent where there is no such thing. */
  getLocal?: (key: string) => Buffer
  /** Many values in one answer: the request for a whole page, as things stand now. */
  page: (limit: number) => Promise<Buffer>
  watches: Record<string, Watch>
  /** The text of a key as a watcher sees it. */
  sign: (key: string) => string
  stop: () => Promise<void>
}

/** An answer that says no. */
export class Refusal extends Error {
  readonly status: number

  constructor (asked: string, status: number, answer: string) {
    super(`${asked} was answered ${status}: ${answer}`)
    this.status = status
  }
}

/**
 * Sends one request and returns the text of the answer.
 *
 * @throws Refusal when its status is not one of success
 */
export async function ask ({ port, ca }: Target, method: string, path: string, body?: object): Promise<string> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  const options = { host: '127.0.0.1', port, path, method, headers, agent: false as const }
  const sent = ca === undefined ? requestPlain(options) : requestTls({ ...options, ca })
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = await once(sent, 'response') as [IncomingMessage]
  const answer = await text(response)
  const status = response.statusCode!
  if (status < 200 || status > 299) throw new Refusal(`${method} ${path}`, status, answer)
  return answer
}
