import type {} from 'fastify'
import Type, { type Static, type TObject, type TUnsafe } from 'typebox'
import { readSettings, SettingsError, type Environment, type Setting } from './read-settings.ts'

declare module 'fastify' {
  interface FastifyInstance {
    config: Config
  }
}

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

/**
 * Every setting, once. `host` is CHANGEWELL_HOST, `dataDir` CHANGEWELL_DATA_DIR; the unit stands last in the name. A
 * limit has a maximum of its own where a greater one could not be kept: a key travels in a URL and a URL in the 16 KiB
 * that Node gives to a request's head; timers end at 24 days.
 */
export const settings = {
  host: Type.String({ default: '127.0.0.1', description: 'Address to listen on, or a name for one; 0.0.0.0 or :: for all' }),
  port: Type.Integer({ default: 9000, minimum: 0, maximum: 65535, description: 'Port to listen on; 0 takes a free one' }),
  tlsCert: file('PEM file of the certificate that clients see, intermediates after it; with it CHANGEWELL_PORT speaks HTTPS. Read again when it changes'),
  tlsKey: file('PEM file of its private key'),
  clientCa: file('PEM file of the authorities whose client certificates are taken'),
  clientAuth: Type.Enum(['none', 'optional', 'required'], { default: 'none', description: 'Whether clients show a certificate' }),
  http2: Type.Boolean({ default: false, description: 'Whether HTTP/2 is spoken beside HTTP/1.1, over TLS' }),
  httpHost: Type.String({ default: '127.0.0.1', description: 'Address to listen on for CHANGEWELL_HTTP_PORT' }),
  httpPort: port('Port for plain HTTP beside HTTPS; 0 takes a free one'),
  healthPort: port('Port, on CHANGEWELL_HOST, for plain HTTP that answers /livez, /readyz and /health only; 0 takes a free one'),

  peerHost: Type.String({
    default: '127.0.0.1', description: 'Address to listen on for other nodes of the cluster; others than the loopback need TLS, or CHANGEWELL_INSECURE_PEERS',
  }),
  peerPort: Type.Integer({
    default: 9001, minimum: 0, maximum: 65535, description: 'Port to listen on for other nodes of the cluster; 0 takes a free one',
  }),
  peerTlsCert: file('PEM file of the certificate that other nodes see, intermediates after it; for servers and clients. Read again when it changes'),
  peerTlsKey: file('PEM file of its private key'),
  peerTlsCa: file('PEM file of the cluster\'s authorities; nobody else is trusted'),
  peerTlsIdentity: Type.Enum(['any', 'host', 'node-id'], {
    default: 'any', description: 'What the certificate of another node must be for: any node of the cluster, its host, or its node id',
  }),
  insecurePeers: Type.Boolean({ default: false, description: 'Lets other nodes be spoken to without TLS elsewhere than on the loopback' }),
  discovery: Type.String({
    default: 'raw', description: 'How the node finds others: raw goes by CHANGEWELL_JOIN, kubernetes by the pods; else the name of an installed package, or the path of a module',
  }),
  discoveryOptions: Type.String({ default: '', description: 'JSON object of settings for a discovery provider that is a package or a module' }),
  kubernetesNamespace: Type.String({ default: '', description: 'With kubernetes: namespace of the pods; empty for the one that the pod runs in' }),
  kubernetesSelector: Type.String({
    default: 'app.kubernetes.io/name=changewell', description: 'With kubernetes: label selector of the cluster\'s pods, this one among them',
  }),
  kubernetesPortName: Type.String({ default: 'peers', description: 'With kubernetes: name of the container port on which nodes listen for others' }),
  kubernetesLease: Type.String({
    default: 'changewell', description: 'With kubernetes: name of the Lease that holds the cluster\'s id; each cluster of a namespace has its own',
  }),
  kubernetesPod: Type.String({ default: '', description: 'With kubernetes: name of this pod; empty for the host\'s name' }),
  kubernetesServiceAccountDir: Type.String({
    default: '/var/run/secrets/kubernetes.io/serviceaccount', description: 'With kubernetes: folder of the service account\'s token, ca.crt and namespace',
  }),
  join: Type.String({
    default: '', description: 'Peers\' addresses of members to join, as host:port with commas between; a node without any forms a cluster of its own',
  }),
  advertise: Type.String({
    default: '', description: 'Where others reach this node, instead of what it works out: the peers\' host:port, and after a comma the clients\'; without a port the one it listens on'
  }),
  removeGoneSeconds: seconds(0, 0, 31_536_000,
    'With kubernetes: a member of which no pod is left for so long is removed by the leader; 0 leaves that to people'),
  role: Type.Enum(['voter', 'replica'], { default: 'voter', description: 'What the node becomes when it joins; a replica only reads' }),
  dataDir: Type.String({ default: './data', description: 'Folder of this node\'s data; made when missing' }),
  logLevel: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    { default: 'info', description: 'Least severe kind of line in the log' }),
  logFormat: Type.Enum(['auto', 'json', 'pretty'],
    { default: 'auto', description: 'Form of the log; auto is pretty on a terminal and json elsewhere' }),

  authHtpasswd: Type.String({ default: '', description: 'File of users and bcrypt hashes, as htpasswd -B writes it; read again when it changes' }),
  authTokens: Type.String({
    default: '', description: 'File of bearer tokens, or of sha256: and their SHA-256, each with a name; read again when it changes',
  }),
  authPolicy: Type.String({
    default: '', description: 'JSON file of who may do what; read again when it changes. Without one, whoever has credentials may do everything',
  }),
  authFailuresMax: count('failures', 20, 1, 1_000_000,
    'Wrong credentials a minute from one address, and ten times as many for one name; more must wait'),

  bodyBytesMax: bytes(4 * MiB, 1 * KiB, 256 * MiB, 'Longest body of a request'),
  jsonDepthMax: count('levels', 100, 1, 10_000, 'Deepest nesting of JSON in a body'),
  batchChangesMax: count('changes', 1000, 1, 100_000, 'Most changes in one batch or transaction'),
  keyBytesMax: bytes(1 * KiB, 1, 4 * KiB, 'Longest key'),
  tagsMax: count('tags', 32, 0, 1000, 'Most tags on one change'),
  tagBytesMax: bytes(256, 1, 4 * KiB, 'Longest tag'),
  // At least the limit that a page has when none is asked for.
  pageChangesMax: count('changes', 10_000, 100, 1_000_000, 'Greatest limit of a page'),
  pageBytesMax: bytes(16 * MiB, 1 * KiB, 1 * GiB, 'Bytes after which a page ends early'),
  pageScanMax: count('rows', 100_000, 1, 100_000_000, 'Rows that one filtered page may look at before it ends early'),

  blockSecondsMax: seconds(300, 1, 86_400, 'Longest wait of a long poll'),
  blockedReadersMax: count('readers', 10_000, 0, 1_000_000, 'Most long polls that wait at one time'),
  streamsMax: count('streams', 10_000, 0, 1_000_000, 'Most streams open at one time'),
  snapshotsMax: count('snapshots', 4, 0, 1000, 'Most snapshots taken at one time'),
  streamHeartbeatSeconds: seconds(15, 1, 3600, 'Time between signs of life on a quiet stream'),
  streamStallSeconds: seconds(60, 1, 86_400, 'A stream, page or snapshot whose reader takes nothing for so long is cut off'),
  streamBufferBytesMax: bytes(256 * KiB, 4 * KiB, 64 * MiB,
    'Bytes that wait for one slow reader before it falls back to the disk'),
  cacheBytesMax: bytes(32 * MiB, 0, 16 * GiB, 'Values of keys kept in memory'),
  feedTailBytesMax: bytes(64 * MiB, 64 * KiB, 16 * GiB, 'Newest changes kept in memory'),

  writesPendingMax: count('writes', 10_000, 1, 1_000_000, 'Most writes that wait at one time'),
  writeTimeoutSeconds: seconds(10, 1, 3600, 'Time after which a write is answered without its outcome'),
  lockWaitSeconds: seconds(5, 1, 3600, 'Time that a write waits for others to the same key, collection or tenant before it is refused'),
  lockWaitersMax: count('writes', 10_000, 0, 1_000_000, 'Most writes that wait for others to the same key, collection or tenant'),
  leaderWaitSeconds: seconds(5, 1, 3600, 'Time that writes and linearizable reads wait for a leader before they are refused'),
  idempotencySeconds: seconds(86_400, 1, 31_536_000, 'Time that an idempotency key is remembered'),
  receiptSeconds: seconds(3600, 1, 31_536_000, 'Time that the outcome of a write can be asked for by its receipt'),
  idempotencyKeyBytesMax: bytes(255, 1, 1 * KiB, 'Longest idempotency key'),
  queueWritesMax: count('writes', 10_000, 0, 1_000_000, 'Most writes in this node\'s queue'),
  queueBytesMax: bytes(64 * MiB, 4 * KiB, 512 * MiB, 'Bytes of writes in this node\'s queue'),
  queueSeconds: seconds(86_400, 1, 2_592_000, 'Time after which a queued write that no leader took is rejected'),
  logSegmentBytes: bytes(16 * MiB, 64 * KiB, 1 * GiB, 'Size of a file of the write-ahead log'),
  flushLogBytes: bytes(64 * MiB, 64 * KiB, 16 * GiB, 'Log that gathers before the database is flushed and the log cut'),

  uncommittedBytesMax: bytes(64 * MiB, 64 * KiB, 16 * GiB, 'Data of writes that wait for a quorum, and what hooks are asked about; more is refused'),
  peerBufferBytesMax: bytes(64 * MiB, 1 * MiB, 16 * GiB, 'Bytes that wait for one slow node before messages to it are dropped'),
  snapshotBytesPerSecond: bytes(64 * MiB, 64 * KiB, 16 * GiB, 'Speed limit of a snapshot for another node, a second'),
  diskSeconds: seconds(5, 1, 3600, 'A disk that hangs for so long makes a leader step down, and the node unready'),

  diskFreeBytesMin: bytes(256 * MiB, 0, 1024 * GiB, 'Room kept on the disk: below it writes are refused, and nothing is lost'),

  shutdownSeconds: seconds(30, 1, 3600, 'Time that open requests get to end when the node stops'),
  connectionsMax: count('connections', 20_000, 1, 1_000_000, 'Most connections open at one time'),
  requestTimeoutSeconds: seconds(60, 1, 3600, 'Time for receiving a whole request'),
  eventLoopDelayMsMax: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 60_000,
    unit: 'milliseconds',
    description: 'Requests get 503 while the process lags more than this; 0 is off',
  }),
}

/** What commands such as `changewell member` need to call a node. No node reads it. */
export const clientSettings = {
  callCa: file('PEM file of the authorities that commands trust when they call a node over HTTPS; without it those that Node trusts'),
  callCert: file('PEM file of the certificate that commands show'),
  callKey: file('PEM file of its private key'),
  token: Type.String({ default: '', description: 'Bearer token that commands send to a node' }),
  user: Type.String({ default: '', description: 'Name and password that commands send instead, with a colon between them' }),
}

/** The settings of a node, all present. */
export type Config = Static<TObject<typeof settings>>

/**
 * The settings as the environment gives them, with the defaults for the rest.
 *
 * @throws {SettingsError} with every fault, when a CHANGEWELL_ variable is wrong or unknown
 */
export function loadConfig (environment: Environment = process.env): Config {
  const config = readSettings(settings, environment, clientSettings) as Config
  const clashes = portClashes(config)
  if (clashes.length > 0) throw new SettingsError(clashes)
  return config
}

/** Listeners that are told to be at one place. */
function portClashes ({ host, port, httpHost, httpPort, healthPort, peerHost, peerPort }: Config): string[] {
  const listeners = [
    { at: `${host}:${port}`, port, setting: 'CHANGEWELL_PORT' },
    { at: `${peerHost}:${peerPort}`, port: peerPort, setting: 'CHANGEWELL_PEER_PORT' },
    { at: `${httpHost}:${httpPort}`, port: httpPort, setting: 'CHANGEWELL_HTTP_PORT' },
    { at: `${host}:${healthPort}`, port: healthPort, setting: 'CHANGEWELL_HEALTH_PORT' },
  ].filter((listener) => listener.port !== null && listener.port !== 0)
  return listeners.flatMap(({ at, setting }, index) => {
    const first = listeners.slice(0, index).find((other) => other.at === at)
    return first === undefined ? [] : [`${first.setting} and ${setting} are both ${at}; choose another port for one of them`]
  })
}

/** What commands show to the node that they call. */
export interface CallSettings {
  /** The header Authorization; null where no credentials are set. */
  authorization: string | null
  /** Paths of PEM files; empty for none. */
  ca: string
  cert: string
  key: string
}

/** @throws {SettingsError} */
export function loadCallSettings (environment: Environment = process.env): CallSettings {
  const { token, user, callCa, callCert, callKey } =
    readSettings(clientSettings, environment, settings) as Static<TObject<typeof clientSettings>>
  const faults: string[] = []
  if (token !== '' && user !== '') faults.push('CHANGEWELL_TOKEN and CHANGEWELL_USER are both set; keep one')
  if (user !== '' && !user.includes(':')) faults.push('CHANGEWELL_USER has no colon between name and password')
  if ((callCert === '') !== (callKey === '')) faults.push('of CHANGEWELL_CALL_CERT and CHANGEWELL_CALL_KEY one is set; set both or none')
  if (faults.length > 0) throw new SettingsError(faults)
  const credentials = token !== '' ? `Bearer ${token}` : user === '' ? null : `Basic ${Buffer.from(user).toString('base64')}`
  return { authorization: credentials, ca: callCa, cert: callCert, key: callKey }
}

/** The environment without settings of ours, for a process that is given others. */
export function withoutSettings (environment: Environment = process.env): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('CHANGEWELL_')))
}

/** A path; none without a default. */
function file (description: string) {
  return Type.String({ default: '', description })
}

/** A port that is closed unless it is set. */
function port (description: string): TUnsafe<number | null> & Setting {
  return Type.Unsafe<number | null>({ type: 'integer', default: null, minimum: 0, maximum: 65535, description })
}

function bytes (value: number, minimum: number, maximum: number, description: string) {
  return Type.Integer({ default: value, minimum, maximum, unit: 'bytes', description })
}

function seconds (value: number, minimum: number, maximum: number, description: string) {
  return Type.Integer({ default: value, minimum, maximum, unit: 'seconds', description })
}

function count (unit: string, value: number, minimum: number, maximum: number, description: string) {
  return Type.Integer({ default: value, minimum, maximum, unit, description })
}
