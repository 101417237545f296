import { fileURLToPath } from 'node:url'
import { requestBytes } from '../client/request.ts'
import { endChild, freePort, startChild, waitForLine } from '../children.ts'
import type { Contender } from './contender.ts'

/** Fastify with nothing behind it: see `bench/echo.ts`. */
export async function startBareFastify (): Promise<Contender> {
  const port = await freePort()
  const echo = fileURLToPath(new URL('../echo.ts', import.meta.url))
  const child = startChild(process.execPath, ['--import=tsx', echo, String(port)])
  await waitForLine(child, /^listens/)
  return {
    name: 'bare Fastify',
    pid: child.pid!,
    pids: [child.pid!],
    port,
    stop: () => endChild(child),
    put: (key, value) => requestBytes('PUT', `/keys/${key}`, { body: `{"data":${value}}` }),
    get: (key) => requestBytes('GET', `/keys/${key}`),
    page: async (limit) => requestBytes('GET', `/page?limit=${limit}`),
    watches: { stream: { request: requestBytes('GET', '/watch') } },
    sign: (key) => `"key":"${key}"`,
  }
}
