import { statSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import type { Config } from '../config.ts'

/** Errors that say themselves, in their message, what happened and what to do. */
const selfExplaining = new Set([
  'DATA_DIR_LOCKED', 'DATA_DIR_UNUSABLE', 'NATIVE_MODULE', 'FORMAT_VERSION', 'UNKNOWN_COMMAND',
  'LOG_DAMAGED', 'LOG_FORMAT_NEWER', 'LOG_FAILED', 'LOG_FULL', 'LOG_NO_SEGMENT',
  'LOG_LOST', 'DATABASE_LOST', 'DATA_LOST', 'NODE_ID_DAMAGED', 'NODE_ID_LOST', 'JOINED_DAMAGED', 'AUTH_FILES', 'TLS_FILES',
  'QUEUE_DAMAGED',
  'DISCOVERY_SETTINGS', 'DISCOVERY_UNAVAILABLE', 'DISCOVERY_REFUSED',
])

interface PeersMark {
  isPeers: boolean
}

type Failure = NodeJS.ErrnoException & Partial<PeersMark> & { port?: number }

/**
 * Marks a failure as that of the listener for other nodes: by what is in the error the two cannot always be told apart.
 * It throws the error again.
 */
export function ofPeers (error: object): never {
  const mark: PeersMark = { isPeers: true }
  throw Object.assign(error, mark)
}

/** Why a node did not start and what to do about it, in one line; null for what nobody foresaw. */
export function explainStartFailure (error: unknown, config: Config): string | null {
  const { code = '', syscall, message, path, port, isPeers = false } = error as Failure
  if (selfExplaining.has(code)) return message
  const { host, setting, ...listener } = listenerAt(isPeers, port, config)
  const address = `${host}:${listener.port}`
  switch (code) {
    case 'EADDRINUSE':
      return `${address} is in use. Stop what listens there, or choose another port with ${setting} (0 takes a free one).`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is not an address of this machine. Set ${setting.replace('PORT', 'HOST')} to one that is, or to 0.0.0.0 for all.`
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOENT':
      if (code === 'ENOENT' && syscall !== 'mkdir') return null
      return syscall === 'listen'
        ? `This user may not listen on ${address}. Choose a port above 1023 with ${setting}.`
        : `The data folder ${resolve(config.dataDir)} cannot be written (${code}). ` +
          'Let this user write there, or choose another with CHANGEWELL_DATA_DIR.'
    case 'EEXIST':
    case 'ENOTDIR':
      return partOf(resolve(config.dataDir), path) === null
        ? `${resolve(config.dataDir)} is not a folder. Choose another with CHANGEWELL_DATA_DIR.`
        : `${partOf(resolve(config.dataDir), path)} is not a folder, where the node keeps a part of its data. Move it away, or choose another folder with ` +
          'CHANGEWELL_DATA_DIR.'
    case 'ENOSPC':
    case 'EDQUOT':
      return `There is no room left for ${resolve(config.dataDir)}. Free some, or choose another with CHANGEWELL_DATA_DIR.`
    default:
      return null
  }
}

/** What lies in the data folder itself on the way to the path; null when the fault is not in a part of it. */
function partOf (dataDir: string, path: string | undefined): string | null {
  if (path === undefined || !path.startsWith(dataDir + sep)) return null
  return statSync(dataDir, { throwIfNoEntry: false })?.isDirectory() === true
    ? join(dataDir, path.slice(dataDir.length + 1).split(sep)[0]!)
    : null
}

/** Which listener could not be opened; that for other nodes is marked. They are opened in this order. */
function listenerAt (
  isPeers: boolean, port: number | undefined, config: Config
): { host: string, port: number | null, setting: string } {
  const { host, port: apiPort, peerHost, peerPort, httpHost, httpPort, healthPort } = config
  const all = [
    { host: peerHost, port: peerPort, setting: 'CHANGEWELL_PEER_PORT' },
    { host, port: apiPort, setting: 'CHANGEWELL_PORT' },
    { host: httpHost, port: httpPort, setting: 'CHANGEWELL_HTTP_PORT' },
    { host, port: healthPort, setting: 'CHANGEWELL_HEALTH_PORT' },
  ]
  if (isPeers) return all[0]!
  return all.slice(1).find((listener) => port !== undefined && listener.port === port) ?? all[1]!
}
