import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { makeDirectory } from '../../storage/directory.ts'
import { clusterCertificates } from '../certificates/cluster-certificates.ts'
import { CertificatesError, type CertificateFolder } from '../certificates/folder.ts'
import { withoutSettings } from '../config.ts'

export const help = `Usage: changewell cluster [options]

Runs three nodes on this machine until Ctrl-C, with TLS for clients and mutual TLS between them, to try things out.
Certificates are made at the first start, and renewed at a later one when they expire soon.

Options:
  --dir <folder>     data, logs and certificates (data/cluster)
  --port <number>    of the first node; the others follow ten apart, each with its peers' port after it (9000; 0 takes free ones)
`

interface Node {
  name: string
  child: ChildProcess
  /** Resolves when the process is gone. */
  ended: Promise<unknown>
  /** Where clients and where peers reach it; rejects when it ends before. */
  listening: Promise<{ url: string, peer: string }>
}

/** `changewell cluster`. Resolves to the exit code when the nodes have stopped. */
export async function run (args: string[]): Promise<number> {
  let values
  try {
    const options = { dir: { type: 'string', default: join('data', 'cluster') }, port: { type: 'string', default: '9000' } } as const
    values = parseArgs({ args, options, strict: true }).values
  } catch (error) {
    return failed(`${(error as Error).message}\n\n${help}`, 2)
  }
  const { dir } = values
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_000) return failed('--port needs a number up to 65000.', 2)
  let certificates: CertificateFolder
  try {
    const { folder, warnings } = await clusterCertificates(join(dir, 'certs'))
    certificates = folder
    for (const warning of warnings) failed(warning, 0)
  } catch (error) {
    if (!(error instanceof CertificatesError)) throw error
    return failed(error.message, 1)
  }
  const nodes: Node[] = []
  const signal = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => signal.abort())
  process.once('exit', () => { for (const { child } of nodes) child.kill('SIGKILL') })
  try {
    for (const index of [0, 1, 2]) {
      const first = await nodes[0]?.listening
      if (signal.signal.aborted) return await stopped(nodes)
      nodes.push(await start(dir, index, Number(values.port), certificates, first?.peer ?? ''))
      await Promise.race([nodes[index]!.listening, aborted(signal.signal)])
    }
  } catch (error) {
    await stopped(nodes)
    return signal.signal.aborted ? 0 : failed((error as Error).message, 1)
  }
  if (signal.signal.aborted) return await stopped(nodes)
  const urls = await Promise.all(nodes.map(async ({ listening }) => (await listening).url))
  process.stdout.write(told(dir, nodes.map(({ name }, index) => `${name}  ${urls[index]}`), urls[0]!, certificates))
  const endings = nodes.map(async ({ name, ended }) => {
    await ended
    return name
  })
  const name = await Promise.race([aborted(signal.signal), ...endings])
  await stopped(nodes)
  return name === null ? 0 : failed(`${name} ended by itself, so the others were stopped; its log is ${join(dir, `${name}.log`)}`, 1)
}

/** Resolves to null when a signal has come. */
async function aborted (signal: AbortSignal): Promise<null> {
  if (!signal.aborted) await once(signal, 'abort')
  return null
}

/** Stops the nodes in order. Resolves to the exit code when all are gone. */
async function stopped (nodes: readonly Node[]): Promise<number> {
  for (const { child } of nodes) child.kill('SIGTERM')
  await Promise.all(nodes.map(({ ended }) => ended))
  return 0
}

async function start (
  dir: string, index: number, port: number, certificates: CertificateFolder, member: string
): Promise<Node> {
  const name = `node-${index + 1}`
  const logPath = join(dir, `${name}.log`)
  await makeDirectory(dir)
  const [apiPort, peerPort] = port === 0 ? [0, 0] : [port + index * 10, port + index * 10 + 1]
  const path = (file: string): string => certificates.path(file)
  // In a group of its own: Ctrl-C reaches this process alone, which then stops them in order. The channel is how it
  // learns that this process is gone without having stopped it.
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, 'serve'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      // The nodes get the settings that belong to this cluster, and no others.
      ...withoutSettings(),
      CHANGEWELL_DATA_DIR: join(dir, name),
      CHANGEWELL_PORT: String(apiPort),
      CHANGEWELL_PEER_PORT: String(peerPort),
      CHANGEWELL_JOIN: member,
      CHANGEWELL_LOG_FORMAT: 'json',
      CHANGEWELL_TLS_CERT: path('server.pem'),
      CHANGEWELL_TLS_KEY: path('server.key'),
      CHANGEWELL_CLIENT_CA: path('ca.pem'),
      CHANGEWELL_CLIENT_AUTH: 'required',
      CHANGEWELL_PEER_TLS_CERT: path('peer.pem'),
      CHANGEWELL_PEER_TLS_KEY: path('peer.key'),
      CHANGEWELL_PEER_TLS_CA: path('cluster-ca.pem'),
      CHANGEWELL_PEER_TLS_IDENTITY: 'host',
    },
  })
  const ended = once(child, 'close')
  const log = createWriteStream(logPath, { flags: 'a' })
  const last: string[] = []
  const listening = new Promise<{ url: string, peer: string }>((resolve, reject) => {
    let peer = ''
    for (const stream of [child.stdout!, child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`)
        last.push(line)
        if (last.length > 5) last.shift()
        peer = /it listens for other nodes at ([^"\s]+)/.exec(line)?.[1] ?? peer
        const url = /listens on (https:[^"\s]+)/.exec(line)?.[1]
        if (url !== undefined) resolve({ url, peer })
      })
    }
    void ended.then(() => {
      log.end()
      reject(new Error(`${name} did not start; all that it said is in ${logPath}:\n${last.join('\n')}`))
    })
  })
  listening.catch(() => {})
  return { name, child, ended, listening }
}

function told (dir: string, lines: readonly string[], url: string, certificates: CertificateFolder): string {
  const path = (file: string): string => certificates.path(file)
  return [
    ...lines,
    '',
    'Try it:',
    `  curl="curl --cacert ${path('ca.pem')} --cert ${path('admin.pem')} --key ${path('admin.key')}"`,
    `  $curl ${url}/cluster`,
    `  $curl -H 'content-type: application/json' -d '{"data":"hello"}' ${url}/changes`,
    `  $curl -N -H 'accept: text/event-stream' ${url}/changes`,
    '',
    `Data, logs and certificates are in ${dir}. Ctrl-C stops the nodes.`,
    '',
  ].join('\n')
}

function failed (message: string, code: number): number {
  process.stderr.write(`changewell: ${message}\n`)
  return code
}
