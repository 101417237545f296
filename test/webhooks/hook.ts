import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** What a hook was asked. */
export interface Asked {
  path: string
  headers: IncomingHttpHeaders
  body: { hook: string, request: string, compare: object[], then: Record<string, unknown>[], else: object[] }
}

export interface Hook {
  url: string
  asked: Asked[]
  /** How it answers; 200 at first. */
  answer: (response: ServerResponse, asked: Asked) => void
}

/** A hook that listens on the loopback until the test ends: on a free port, or the first free one of some. */
export async function startHook (t: Test, answer: Hook['answer'] = pass, ports: readonly number[] = [0]): Promise<Hook> {
  const hook: Hook = { url: '', asked: [], answer }
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => { pieces.push(piece) })
    request.on('end', () => {
      const text = Buffer.concat(pieces).toString()
      const asked = { path: request.url!, headers: request.headers, body: JSON.parse(text) as Asked['body'] }
      hook.asked.push(asked)
      hook.answer(response, asked)
    })
  })
  for (const port of ports) {
    server.listen(port, '127.0.0.1')
    if (await once(server, 'listening').then(() => true, () => false)) break
  }
  hook.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/check`
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return hook
}

export function pass (response: ServerResponse): void {
  response.end()
}

/** Says no, as JSON with a reason or as text. */
export function refuse (reason: string | object, status = 403): Hook['answer'] {
  return (response) => {
    response.statusCode = status
    response.end(typeof reason === 'string' ? reason : JSON.stringify(reason))
  }
}

/** Never answers. */
export function hang (): void {}
