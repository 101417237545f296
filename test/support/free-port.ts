import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports that systems give out by themselves: what is free here stays so while its server is down, and nobody
 * who dials it then can be given the very same port to dial from.
 */
const firstPort = 20_000
const portsPerJob = 1500

/** Test files that run at one time have ports of their own. */
const job = Number(process.env.TAP_JOB_ID ?? 0) % 8
let next = randomInt(portsPerJob)

/** A port of that address that nobody listens on, and that this process has not been given lately. */
export async function freePort (host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < portsPerJob; tries++) {
    const port = firstPort + job * portsPerJob + next++ % portsPerJob
    const server = createServer().listen(port, host)
    const isFree = await once(server, 'listening').then(() => true, () => false)
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
  throw new Error(`none of ${portsPerJob} ports is free`)
}
