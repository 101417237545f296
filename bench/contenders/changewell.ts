import { resolve } from 'node:path'
import { requestBytes } from '../client/request.ts'
import { endChild, startChild, waitForLine } from '../children.ts'
import { ask, type Contender } from './contender.ts'

export interface NodeOptions {
  /** The folder that the project was built to. */
  dist: string
  dataDir: string
  /** Arguments for Node itself. */
  nodeArgs?: string[]
  /** Settings beside port and folder. */
  env?: Record<string, string>
}

export interface NodeProcess {
  pid: number
  port: number
  stop: () => Promise<void>
}

/** Starts a built node on a free port of the loopback address. */
export async function startBuiltNode ({ dist, dataDir, nodeArgs = [], env = {} }: NodeOptions): Promise<NodeProcess> {
  const child = startChild(process.execPath, [...nodeArgs, resolve(dist, 'app/main.js'), 'serve'], {
    env: { CHANGEWELL_PORT: '0', CHANGEWELL_PEER_PORT: '0', CHANGEWELL_DATA_DIR: dataDir, CHANGEWELL_LOG_FORMAT: 'json', ...env },
  })
  const [, port] = await waitForLine(child, /listens on http:\/\/[^\s"]*:(\d+)/)
  return { pid: child.pid!, port: Number(port), stop: () => endChild(child) }
}

const keys = '/tenants/bench/collections/values/keys'

/** A node with the tenant and the collection that the requests name. */
export async function startChangewell (options: NodeOptions, name = 'Changewell'): Promise<Contender> {
  return contender([await startBuiltNode(options)], name)
}

/** So many nodes; the first leads, and is spoken to. `nodeArgs` gives the arguments for the Node of each, from 1 on. */
export async function startChangewellCluster (
  dist: string, folder: string, count: number, nodeArgs: (n: number) => string[] = () => []
): Promise<Contender> {
  const first = await startBuiltNode({ dist, dataDir: `${folder}-1`, nodeArgs: nodeArgs(1) })
  const nodes = [first]
  const { members: [own] } = JSON.parse(await ask(first.port, 'GET', '/cluster')) as { members: { peerAddress: string }[] }
  for (let n = 2; n <= count; n++) {
    nodes.push(await startBuiltNode({
      dist, dataDir: `${folder}-${n}`, nodeArgs: nodeArgs(n), env: { CHANGEWELL_JOIN: own!.peerAddress },
    }))
  }
  for (let voters = 0; voters < count;) {
    const { members } = JSON.parse(await ask(first.port, 'GET', '/cluster')) as { members: { state: string }[] }
    voters = members.filter(({ state }) => state === 'voter').length
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
  return contender(nodes, 'Changewell')
}

/** The first node is spoken to; the others end before it, so that it leads to the end. */
async function contender (nodes: NodeProcess[], name: string): Promise<Contender> {
  const { pid, port } = nodes[0]!
  await ask(port, 'POST', '/tenants', { name: 'bench' })
  await ask(port, 'POST', '/tenants/bench/collections', { name: 'values' })
  const stream = (accept: string) => ({ request: requestBytes('GET', '/changes?since=now', { headers: { accept } }) })
  return {
    name,
    pid,
    pids: nodes.map((node) => node.pid),
    port,
    stop: async () => { for (const node of nodes.toReversed()) await node.stop() },
    put: (key, value) => requestBytes('PUT', `${keys}/${key}`, { body: `{"data":${value}}` }),
    get: (key) => requestBytes('GET', `${keys}/${key}`),
    getLocal: (key) => requestBytes('GET', `${keys}/${key}?consistency=local`),
    async page (limit) {
      const { lastRevision } = JSON.parse(await ask(port, 'GET', '/changes?since=now')) as { lastRevision: number }
      return requestBytes('GET', `/changes?since=${lastRevision - 2 * limit}&limit=${limit}`)
    },
    watches: {
      'server-sent events': stream('text/event-stream'),
      'NDJSON stream': stream('application/x-ndjson'),
      'long poll': {
        request: requestBytes('GET', '/changes?since=now'),
        poll: { before: 'GET /changes?since=', after: '&block=60 HTTP/1.1\r\nhost: localhost\r\n\r\n' },
      },
    },
    sign: (key) => `"key":"${key}"`,
  }
}
