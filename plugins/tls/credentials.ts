import { constants, type X509Certificate } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { SecureContextOptions, SecureVersion, Server } from 'node:tls'
import { loadBundle, type Bundle, type BundleFiles } from './bundle.ts'
import { boundHandshakes } from './half-open.ts'
import { rehearsalFaults } from './rehearsal.ts'

export type Use = 'clients' | 'peers'

export interface CredentialsOptions {
  use: Use
  files: BundleFiles
  minVersion: SecureVersion
}

export type Outcome = { result: 'unchanged' | 'loaded' } | { result: 'refused', faults: string[] }

/** What is open at a time before it is known who is there, and for how long. */
const handshakes = { max: 256, timeoutMs: 10_000 }

/** A session that is resumed has shown its certificate this long ago at most. */
const sessionTimeoutSeconds = 300

/** Of TLS 1.2 only what has forward secrecy and authenticated encryption; 1.3 has nothing else. */
const ciphers = [
  'TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/**
 * Certificate, key and authorities of one listener, always as they were last read without a fault. Servers take new
 * ones in place, for handshakes that begin from then on: what is connected stays so.
 */
export class Credentials {
  readonly use: Use
  readonly counts = { loaded: 0, refused: 0 }
  /** Handshakes that came to nothing. */
  failedHandshakes = 0
  /** What else speaks against new ones, beside what they hold themselves. */
  objections: (bundle: Bundle) => string[] = () => []
  readonly #files: BundleFiles
  readonly #minVersion: SecureVersion
  readonly #servers = new Set<Server>()
  readonly #listeners = new Set<() => void>()
  #bundle: Bundle | null = null
  /** The state of the files that were read last, and the one that was seen last. */
  #read = ''
  #seen = ''

  constructor ({ use, files, minVersion }: CredentialsOptions) {
    this.use = use
    this.#files = files
    this.#minVersion = minVersion
  }

  get bundle (): Bundle {
    if (this.#bundle === null) throw new Error('certificates are used before they were read')
    return this.#bundle
  }

  get paths (): string[] {
    const { cert, key, ca } = this.#files
    return [cert, key, ...ca === null ? [] : [ca]].map(({ path }) => path)
  }

  /** Its own certificate, those that it shows after it, and whom it trusts. */
  get certificates (): { kind: 'certificate' | 'intermediate' | 'authority', certificate: X509Certificate }[] {
    const { chain: [own, ...intermediates], authorities } = this.bundle
    return [
      { kind: 'certificate', certificate: own! },
      ...intermediates.map((certificate) => ({ kind: 'intermediate' as const, certificate })),
      ...authorities.map((certificate) => ({ kind: 'authority' as const, certificate })),
    ]
  }

  /** What a server or a client makes its secure context from. */
  get contextOptions (): SecureContextOptions {
    return this.#optionsOf(this.bundle)
  }

  #optionsOf ({ cert, key, ca }: Bundle): SecureContextOptions {
    return {
      cert,
      key,
      // Without an authority of its own Node would take the system's, which are not asked here.
      ...(ca === null ? {} : { ca }),
      minVersion: this.#minVersion,
      ciphers,
      honorCipherOrder: true,
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      sessionTimeout: sessionTimeoutSeconds,
    }
  }

  /** Keeps the server's credentials up to date, bounds its handshakes and counts those that fail. */
  attach (server: Server): void {
    this.#servers.add(server)
    server.once('close', () => this.#servers.delete(server))
    server.on('tlsClientError', () => { this.failedHandshakes++ })
    boundHandshakes(server, handshakes)
  }

  /** Calls back when there are new ones. */
  listen (changed: () => void): void {
    this.#listeners.add(changed)
  }

  /** Reads the files, whether they changed or not. */
  async load (): Promise<Outcome> {
    // First the state, then the texts: a change in between is seen at the next look.
    this.#read = this.#seen = await this.#state()
    const { bundle, faults } = await loadBundle(this.#files)
    if (bundle === null) return { result: 'refused', faults }
    const rehearsed = await rehearsalFaults(this.#files, bundle, this.#optionsOf(bundle))
    const objections = [...this.objections(bundle), ...rehearsed]
    if (objections.length > 0) return { result: 'refused', faults: objections }
    const before = this.#bundle
    const isSame = before?.cert === bundle.cert && before.key === bundle.key && before.ca === bundle.ca
    if (isSame) return { result: 'unchanged' }
    this.#bundle = bundle
    for (const server of this.#servers) server.setSecureContext(this.contextOptions)
    for (const changed of this.#listeners) changed()
    return { result: 'loaded' }
  }

  /** Reads them when they have changed, and stand still since the last look: nobody is writing them any more. */
  async look (): Promise<Outcome> {
    const state = await this.#state()
    const isStill = state === this.#seen
    this.#seen = state
    return isStill && state !== this.#read ? this.load() : { result: 'unchanged' }
  }

  async #state (): Promise<string> {
    const states = await Promise.all(this.paths.map(async (path) => {
      try {
        const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
        return `${ino} ${size} ${mtimeNs} ${ctimeNs}`
      } catch (error) {
        return String((error as NodeJS.ErrnoException).code)
      }
    }))
    return states.join(', ')
  }
}
