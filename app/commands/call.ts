import { readFile } from 'node:fs/promises'
import { request as requestHttp, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { once } from 'node:events'
import { text as textOf } from 'node:stream/consumers'
import { loadCallSettings } from '../config.ts'
import { explainNoAnswer } from './no-answer.ts'

/** A node does not answer, or refuses. The message is for whoever typed the command. */
export class CallRefused extends Error {}

export interface CallAnswer {
  status: number
  /** Null where there is none. */
  body: unknown
}

/** Calls a node and resolves to what it answers; rejects with CallRefused. */
export type Call = (method: string, path: string, body?: object) => Promise<CallAnswer>

/**
 * Calls of the node at a URL, with the credentials and certificates of the settings.
 *
 * @throws {SettingsError}
 * @throws {CallRefused} when a file that the settings name cannot be read, or holds something else
 */
export async function openCall (url: string): Promise<Call> {
  const { authorization, ...paths } = loadCallSettings()
  const files = await Promise.all(Object.entries(paths).filter(([, path]) => path !== '').map(async ([name, path]) => {
    try {
      return [name, await readFile(path)]
    } catch (error) {
      throw new CallRefused(`${path} cannot be read (${(error as NodeJS.ErrnoException).code}); correct CHANGEWELL_CALL_${name.toUpperCase()}.`)
    }
  }))
  const tls = Object.fromEntries(files) as { ca?: Buffer, cert?: Buffer, key?: Buffer }
  // Node would trust nobody without saying so.
  if (tls.ca?.includes('-----BEGIN') === false) throw new CallRefused(`${paths.ca} holds no certificate in PEM; correct CHANGEWELL_CALL_CA.`)
  return async (method, path, body) => {
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = {
      ...(authorization === null ? {} : { authorization }),
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    }
    let status: number
    let answer: string
    try {
      const target = new URL(path, url)
      const options = { method, headers, agent: false }
      const outgoing = target.protocol === 'https:' ? requestHttps(target, { ...options, ...tls }) : requestHttp(target, options)
      outgoing.end(text)
      const [response] = await once(outgoing, 'response') as [IncomingMessage]
      status = response.statusCode ?? 0
      answer = await textOf(response)
    } catch (error) {
      throw new CallRefused(explainNoAnswer(error as NodeJS.ErrnoException, { url, ...paths }))
    }
    const parsed: unknown = answer === '' ? null : JSON.parse(answer)
    if (status >= 400) throw new CallRefused((parsed as { detail?: string } | null)?.detail ?? `${url} answered ${status}`)
    return { status, body: parsed }
  }
}
