import { createPrivateKey, X509Certificate } from 'node:crypto'
import { access, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { makeDirectory } from '../../storage/directory.ts'
import type { Usage } from './extensions.ts'
import { issue, type Issued } from './issue.ts'

const dayMs = 86_400_000

/** Clocks differ: what was made just now is good at a machine that is behind. */
const skewMs = 300_000

/** An authority signs for these many days, unless it is told otherwise. */
const authorityDays = 3650

/** The two authorities: whoever signs for clients must not be able to sign for nodes. */
export const authorities = { ca: 'Changewell CA', 'cluster-ca': 'Changewell cluster CA' } as const

export type AuthorityName = keyof typeof authorities

export interface LeafWish {
  /** Without the ending. */
  file: string
  authority: AuthorityName
  commonName: string
  names: readonly string[]
  usages: readonly Usage[]
  days: number
}

/** What keeps a certificate from being made. The message is for whoever asked for it. */
export class CertificatesError extends Error {}

/** A folder of authorities, certificates and keys: `name.pem` and, for its owner alone, `name.key`. */
export class CertificateFolder {
  readonly #directory: string

  constructor (directory: string) {
    this.#directory = directory
  }

  path (file: string): string {
    return join(this.#directory, file)
  }

  async has (file: string): Promise<boolean> {
    return access(this.path(file)).then(() => true, () => false)
  }

  /** Days for which a certificate is good; below 0 when it or its key is missing, damaged or by another authority. */
  async daysLeft (file: string, authority: AuthorityName): Promise<number> {
    try {
      const [own, above] = await Promise.all([file, authority].map((name) => this.#read(name)))
      const certificate = new X509Certificate(own!.certificate)
      const signer = new X509Certificate(above!.certificate)
      const isWhole = certificate.checkPrivateKey(createPrivateKey(own!.key)) &&
        certificate.checkIssued(signer) && certificate.verify(signer.publicKey)
      return isWhole ? (Date.parse(certificate.validTo) - Date.now()) / dayMs : -1
    } catch {
      return -1
    }
  }

  /**
   * Makes both authorities.
   *
   * @throws {CertificatesError} when there are any, and they are not to be replaced
   */
  async init ({ isForced = false, days = authorityDays } = {}): Promise<void> {
    for (const file of Object.keys(authorities)) await this.#assertFree(file, isForced, 'another folder with --dir')
    for (const [file, commonName] of Object.entries(authorities)) {
      await this.#write(file, issue({ commonName, isAuthority: true, ...validity(days) }))
    }
  }

  /**
   * Makes a certificate and its key. Resolves to the day on which it expires.
   *
   * @throws {CertificatesError} when the authority is missing or not usable, or the files are there already
   */
  async make ({ file, authority, commonName, names, usages, days }: LeafWish, isForced = false): Promise<Date> {
    await this.#assertFree(file, isForced, 'another with --file')
    const above = await this.#read(authority)
    const times = within(above, this.path(`${authority}.pem`), validity(days))
    try {
      await this.#write(file, issue({ commonName, names, usages, ...times }, above))
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      throw new CertificatesError(`${this.path(`${authority}.key`)} cannot sign: ${error.message}.`)
    }
    return times.notAfter
  }

  async #read (file: string): Promise<Issued> {
    const [certificate, key] = await Promise.all(['pem', 'key'].map(async (ending) => {
      const path = this.path(`${file}.${ending}`)
      return readFile(path, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
        throw new CertificatesError(`${path} cannot be read (${code}). Make the authorities with: changewell certs init`)
      })
    }))
    return { certificate: certificate!, key: key! }
  }

  async #assertFree (file: string, isForced: boolean, other: string): Promise<void> {
    if (isForced) return
    for (const ending of ['pem', 'key']) {
      if (await this.has(`${file}.${ending}`)) {
        throw new CertificatesError(`${this.path(`${file}.${ending}`)} is there already. Name ${other}, or replace it with --force.`)
      }
    }
  }

  /** Each file is whole at every moment: a node may be reading it. */
  async #write (file: string, { certificate, key }: Issued): Promise<void> {
    await makeDirectory(this.#directory, 0o755).catch(({ code }: NodeJS.ErrnoException) => {
      throw new CertificatesError(`The folder ${this.#directory} cannot be made (${code}). Name another with --dir.`)
    })
    for (const [ending, text, mode] of [['key', key, 0o600], ['pem', certificate, 0o644]] as const) {
      const path = this.path(`${file}.${ending}`)
      await rm(`${path}.new`, { force: true })
      await writeFile(`${path}.new`, text, { mode, flag: 'wx' })
      await rename(`${path}.new`, path)
    }
  }
}

/** Why a text cannot be a host name or an address in a certificate; null when it can. */
export function hostFault (name: string): string | null {
  if (isIP(name) !== 0) return null
  return /^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/.test(name)
    ? null
    : `${JSON.stringify(name)} is no host name and no address`
}

interface Validity {
  notBefore: Date
  notAfter: Date
}

/** Nobody takes a certificate whose authority has expired, so it is not said to be good for longer. */
function within ({ certificate }: Issued, path: string, { notBefore, notAfter }: Validity): Validity {
  const end = Date.parse(parsed(certificate, path).validTo)
  if (end <= Date.now()) {
    throw new CertificatesError(`The authority ${path} has expired. Make others with: changewell certs init --force`)
  }
  return { notBefore, notAfter: new Date(Math.min(end, notAfter.getTime())) }
}

function parsed (certificate: string, path: string): X509Certificate {
  try {
    return new X509Certificate(certificate)
  } catch {
    throw new CertificatesError(`${path} holds no certificate that can be read. Make the authorities with: changewell certs init --force`)
  }
}

function validity (days: number): Validity {
  const now = Date.now()
  return { notBefore: new Date(now - skewMs), notAfter: new Date(now + days * dayMs) }
}
