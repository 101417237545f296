import type { FastifyBaseLogger } from 'fastify'
import type { TlsOptions } from 'node:tls'
import type { Bundle } from './bundle.ts'
import { Credentials, type Outcome } from './credentials.ts'
import { altNamesOf, daysLeft, dayOf, subjectOf } from './certificates.ts'
import { TlsFaults } from './faults.ts'
import { PeerTls } from './peers.ts'
import { wantedOf, type TlsSettings } from './settings.ts'

/** How often the files are looked at. Those that changed are read at the look after they have come to rest. */
const lookMs = 1000

const dayMs = 86_400_000

/** A certificate is told of when less is left of it than these days, and than a quarter of its life. */
const warnDays = 30

/** What a node shows of itself and whom it trusts, to clients and to its peers. */
export class Tls {
  /** Null where clients are spoken to in plain HTTP. */
  readonly clients: Credentials | null
  /** Null where peers are. */
  readonly peers: PeerTls | null
  readonly #clientAuth: TlsSettings['clientAuth']
  readonly #all: Credentials[]
  readonly #log: FastifyBaseLogger
  readonly #timers: NodeJS.Timeout[] = []
  #reading: Promise<void> = Promise.resolve()

  private constructor (all: Credentials[], settings: TlsSettings, log: FastifyBaseLogger) {
    const peers = all.find(({ use }) => use === 'peers')
    this.#all = all
    this.clients = all.find(({ use }) => use === 'clients') ?? null
    this.peers = peers === undefined ? null : new PeerTls(peers, settings.peerTlsIdentity)
    this.#clientAuth = settings.clientAuth
    this.#log = log
  }

  /**
   * Reads what the settings name, and looks at it from then on.
   *
   * @throws {TlsFaults} with everything that is wrong with settings and files
   */
  static async open (settings: TlsSettings, log: FastifyBaseLogger): Promise<Tls> {
    const { api, peers, faults } = await wantedOf(settings)
    const all: Credentials[] = []
    if (api !== null) all.push(new Credentials({ use: 'clients', files: api, minVersion: 'TLSv1.2' }))
    if (peers !== null) all.push(new Credentials({ use: 'peers', files: peers, minVersion: 'TLSv1.3' }))
    const outcomes = await Promise.all(all.map((credentials) => credentials.load()))
    faults.push(...outcomes.flatMap((outcome) => outcome.result === 'refused' ? outcome.faults : []))
    const [one, other] = all
    if (faults.length === 0 && one !== undefined && other !== undefined) {
      faults.push(...sharedAuthority(one.bundle, other.bundle))
      one.objections = (bundle) => sharedAuthority(bundle, other.bundle)
      other.objections = (bundle) => sharedAuthority(one.bundle, bundle)
    }
    if (faults.length > 0) throw new TlsFaults(faults)
    const tls = new Tls(all, settings, log)
    tls.#start(settings)
    return tls
  }

  /** Everything that is read from files. */
  get credentials (): readonly Credentials[] {
    return this.#all
  }

  /** What the listener for clients needs to know; null for plain HTTP. */
  get listenerOptions (): TlsOptions | null {
    if (this.clients === null) return null
    return {
      ...this.clients.contextOptions,
      requestCert: this.#clientAuth !== 'none',
      // One that is wrong is refused by a request's answer where none would do: see client-certificate.ts.
      rejectUnauthorized: this.#clientAuth === 'required',
    }
  }

  /**
   * A name that the certificate for clients is good for, where it is not good for the host itself, an address as URLs
   * write it; null when it is, when it has no name, or when there is none.
   */
  otherNameFor (host: string): string | null {
    const own = this.clients?.bundle.chain[0]
    if (own === undefined || own.checkIP(host.replace(/^\[|\]$/g, '')) !== undefined) return null
    const names = altNamesOf(own).flatMap((name) => /^DNS:([^*]+)$/.exec(name)?.[1] ?? [])
    return names[0] ?? null
  }

  /** Reads all files again, changed or not. */
  async reload (): Promise<void> {
    this.#read((credentials) => credentials.load())
    await this.#reading
  }

  async close (): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#reading
  }

  #start ({ peerHost, insecurePeers, clientAuth, httpPort }: TlsSettings): void {
    for (const { use, paths } of this.#all) {
      this.#log.info({ paths }, use === 'clients' ? 'clients are spoken to over TLS' : 'peers are spoken to over mutual TLS')
    }
    if (insecurePeers) {
      this.#log.warn(`peers are spoken to without TLS (CHANGEWELL_INSECURE_PEERS): whoever reaches the port at ${peerHost} can read ` +
        'everything, and take part in the cluster')
    }
    if (clientAuth === 'required' && httpPort !== null) {
      this.#log.warn('whoever comes in plain HTTP (CHANGEWELL_HTTP_PORT) is asked for no certificate')
    }
    this.#warnOfExpiry()
    if (this.#all.length === 0) return
    this.#timers.push(
      setInterval(() => this.#read((credentials) => credentials.look()), lookMs).unref(),
      setInterval(() => this.#warnOfExpiry(), dayMs).unref())
  }

  /** One reading after another, so that what is older never takes the place of what is newer. */
  #read (how: (credentials: Credentials) => Promise<Outcome>): void {
    this.#reading = this.#reading.then(async () => {
      for (const credentials of this.#all) this.#tell(credentials, await how(credentials))
    })
  }

  #tell ({ use, counts, paths }: Credentials, outcome: Outcome): void {
    if (outcome.result === 'loaded') {
      counts.loaded++
      this.#log.info({ paths }, `the certificates for ${use} were read again, and are in force for new connections`)
      this.#warnOfExpiry()
    } else if (outcome.result === 'refused') {
      counts.refused++
      this.#log.error({ paths, faults: outcome.faults },
        `the new certificates for ${use} are refused, and the old ones stay in force: ${outcome.faults.join(' ')}`)
    }
  }

  #warnOfExpiry (): void {
    for (const { use, certificates } of this.#all) {
      for (const { kind, certificate } of certificates) {
        const days = daysLeft(certificate)
        const life = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / dayMs
        if (days >= Math.min(warnDays, life / 4)) continue
        const subject = subjectOf(certificate)
        this.#log.warn({ use, kind, subject, days },
          `the ${kind} ${subject} for ${use} ${days < 0 ? 'has expired' : 'expires soon'}, on ${dayOf(certificate.validTo)}: renew it`)
      }
    }
  }
}

/** Whoever signs for clients must not be able to sign for nodes. */
function sharedAuthority (one: Bundle, other: Bundle): string[] {
  // The key makes the authority: it may have another certificate, as one that was renewed has.
  const keys = one.authorities.map(({ publicKey }) => publicKey)
  if (!other.authorities.some(({ publicKey }) => keys.some((key) => key.equals(publicKey)))) return []
  return ['CHANGEWELL_CLIENT_CA and CHANGEWELL_PEER_TLS_CA trust the same authority, so every client could take part in the cluster as a node; ' +
    'use an authority of its own for the cluster.']
}
