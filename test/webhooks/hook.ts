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

/** A hook that listens on a free port of the loopback until the test ends. */
export async function startHook (t: Test, answer: Hook['answer'] = pass): Promise<Hook> {
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
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
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
