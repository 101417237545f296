import { resolve } from 'node:path'
import type { Target } from '../client/connect.ts'
import { requestBytes } from '../client/request.ts'
import { endChild, startChild, waitForLine } from '../children.ts'
import type { Certificates } from './certificates.ts'
import { ask, Refusal, type Contender } from './contender.ts'

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
  const [, port] = await waitForLine(child, /listens on https?:\/\/[^\s"]*:(\d+)/)
  return { pid: child.pid!, port: Number(port), stop: () => endChild(child) }
}

const keys = '/tenants/bench/collections/values/keys'

/** A node with the tenant and the collection that the requests name. */
export async function startChangewell (options: NodeOptions, name = 'Changewell'): Promise<Contender> {
  return contender([await startBuiltNode(options)], name)
}

export interface ClusterOptions {
  dist: string
  /** What the nodes' folders begin with. */
  folder: string
  name?: string
  /** Arguments for the Node of each, from 1 on. */
  nodeArgs?: (n: number) => string[]
  /** With these the nodes speak mutual TLS to each other. */
  certificates?: Certificates
  /** And TLS to their clients. */
  isForClients?: boolean
}

/** Three nodes; the first leads, and is spoken to. */
export async function startChangewellCluster (
  { dist, folder, name = 'Changewell', nodeArgs = () => [], certificates, isForClients = false }: ClusterOptions
): Promise<Contender> {
  const tls: Record<string, string> = certificates === undefined ? {} : peerSettings(certificates)
  const target: Partial<Target> = {}
  if (certificates !== undefined && isForClients) {
    const { ca, server } = certificates
    Object.assign(tls, { CHANGEWELL_TLS_CERT: server.cert, CHANGEWELL_TLS_KEY: server.key })
    target.ca = ca
  }
  const start = (n: number, env: Record<string, string>): Promise<NodeProcess> => (
    startBuiltNode({ dist, dataDir: `${folder}-${n}`, nodeArgs: nodeArgs(n), env: { ...tls, ...env } }))
  const first = await start(1, {})
  const nodes = [first]
  const { port } = first
  const view = async <View>(): Promise<View> => JSON.parse(await ask({ ...target, port }, 'GET', '/cluster')) as View
  const { members: [own] } = await view<{ members: { peerAddress: string }[] }>()
  for (let n = 2; n <= nodesInCluster; n++) nodes.push(await start(n, { CHANGEWELL_JOIN: own!.peerAddress }))
  for (let voters = 0; voters < nodesInCluster;) {
    const { members } = await view<{ members: { state: string }[] }>()
    voters = members.filter(({ state }) => state === 'voter').length
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
  return contender(nodes, name, target)
}

const nodesInCluster = 3

function peerSettings ({ peer }: Certificates): Record<string, string> {
  return {
    CHANGEWELL_PEER_TLS_CERT: peer.cert, CHANGEWELL_PEER_TLS_KEY: peer.key, CHANGEWELL_PEER_TLS_CA: peer.ca,
  }
}

/** In a folder that was used before it is there already. */
async function make (target: Target, path: string, name: string): Promise<void> {
  try {
    await ask(target, 'POST', path, { name })
  } catch (error) {
    if (!(error instanceof Refusal && error.status === 409)) throw error
  }
}

/** The first node is spoken to; the others end before it, so that it leads to the end. */
async function contender (nodes: NodeProcess[], name: string, tls: Partial<Target> = {}): Promise<Contender> {
  const { pid, port } = nodes[0]!
  const target = { ...tls, port }
  await make(target, '/tenants', 'bench')
  await make(target, '/tenants/bench/collections', 'values')
  const stream = (accept: string) => ({ request: requestBytes('GET', '/changes?since=now', { headers: { accept } }) })
  return {
    name,
    pid,
    pids: nodes.map((node) => node.pid),
    ...target,
    stop: async () => { for (const node of nodes.toReversed()) await node.stop() },
    put: (key, value) => requestBytes('PUT', `${keys}/${key}`, { body: `{"data":${value}}` }),
    get: (key) => requestBytes('GET', `${keys}/${key}`),
    getLocal: (key) => requestBytes('GET', `${keys}/${key}?consistency=local`),
    async page (limit) {
      const { lastRevision } = JSON.parse(await ask(target, 'GET', '/changes?since=now')) as { lastRevision: number }
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
