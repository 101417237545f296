import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { certificatesIn, dayOf, isWhole, leadsTo, pemOf, subjectOf, usagesMissing, type Usage } from './certificates.ts'

export interface NamedFile {
  setting: string
  path: string
}

/** The files of one listener. */
export interface BundleFiles {
  cert: NamedFile
  key: NamedFile
  /** Whom it trusts; null to ask nobody for a certificate. */
  ca: NamedFile | null
  /** What its own certificate must be good for. */
  usages: readonly Usage[]
  /** Whether its own certificate must come from whom it trusts, because the others trust the same. */
  trustsItself: boolean
}

/** What a listener shows of itself, and whom it trusts: read, and found to go together. */
export interface Bundle {
  cert: string
  key: string
  ca: string | null
  /** Its own certificate first, then intermediates. */
  chain: readonly X509Certificate[]
  authorities: readonly X509Certificate[]
}

/** With any fault there is no bundle. Each fault is a sentence that names setting, file and remedy. */
export type Loaded = { bundle: Bundle, faults: [] } | { bundle: null, faults: string[] }

/** Reads the files of a listener and looks for everything that would keep others from trusting it, or it them. */
export async function loadBundle ({ cert, key, ca, usages, trustsItself }: BundleFiles): Promise<Loaded> {
  const faults: string[] = []
  const texts = [cert, key, ca].map((file) => file === null ? null : read(file, faults))
  const [certText, keyText, caText] = await Promise.all(texts)
  const chain = certText == null ? null : certificatesOf(cert, certText, faults)
  const privateKey = keyText == null ? null : keyOf(key, keyText, faults)
  const authorities = ca === null || caText == null ? null : certificatesOf(ca, caText, faults)
  const [own, ...intermediates] = chain ?? []
  if (own !== undefined) faults.push(...ownFaults(cert, own, usages))
  if (own !== undefined && privateKey !== null && !own.checkPrivateKey(privateKey)) {
    faults.push(intermediates.some((later) => later.checkPrivateKey(privateKey))
      ? `${cert.setting}: the certificate in ${cert.path} that the key in ${key.path} belongs to must come first, before the intermediates; put it at the beginning.`
      : `${key.setting}: the key in ${key.path} does not belong to the certificate in ${cert.path}; put there the one that it was made with, or make both anew.`)
  }
  if (ca !== null && authorities !== null) {
    faults.push(...authorityFaults(ca, authorities))
    if (trustsItself && own !== undefined && !leadsTo(own, intermediates, authorities)) {
      faults.push(`${cert.setting}: no authority in ${ca.path} (${ca.setting}) has signed the certificate in ${cert.path}, so no other node would trust this one; ` +
        'add the authority, or put the intermediates after the certificate.')
    }
  }
  if (faults.length > 0) return { bundle: null, faults }
  const bundle = {
    cert: pemOf(chain!),
    key: privateKey!.export({ type: 'pkcs8', format: 'pem' }) as string,
    ca: authorities === null ? null : pemOf(authorities),
    chain: chain!,
    authorities: authorities ?? [],
  }
  try {
    createSecureContext({ cert: bundle.cert, key: bundle.key, ...(bundle.ca === null ? {} : { ca: bundle.ca }) })
  } catch (error) {
    const reason = reasonOf(error)
    const remedy = /too (small|weak)/.test(reason) ? 'make a stronger one' : 'make another, as changewell certs does'
    return { bundle: null, faults: [`${cert.setting}: OpenSSL does not take the certificate in ${cert.path} (${reason}); ${remedy}.`] }
  }
  return { bundle, faults: [] }
}

async function read ({ setting, path }: NamedFile, faults: string[]): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    faults.push(`${setting}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}); correct the setting, or let this user read the file.`)
    return null
  }
}

function certificatesOf ({ setting, path }: NamedFile, text: string, faults: string[]): X509Certificate[] | null {
  try {
    const found = certificatesIn(text)
    if (found.length > 0) return found
    faults.push(`${setting}: ${path} holds no certificate; it must have one in PEM, which begins with -----BEGIN CERTIFICATE-----.`)
  } catch (error) {
    faults.push(`${setting}: a certificate in ${path} cannot be read (${reasonOf(error)}); put it there anew.`)
  }
  return null
}

function keyOf ({ setting, path }: NamedFile, text: string, faults: string[]): KeyObject | null {
  try {
    return createPrivateKey(text)
  } catch (error) {
    faults.push(`${setting}: ${keyFault(path, text, error)}.`)
    return null
  }
}

function keyFault (path: string, text: string, error: unknown): string {
  if (text.includes('ENCRYPTED')) {
    return `the key in ${path} is protected by a passphrase, which the node cannot ask for; take it off (openssl pkey -in ... -out ...), ` +
      'and let only this user read the file'
  }
  return text.includes(' PRIVATE KEY-----')
    ? `the private key in ${path} is damaged, cut off or of no kind that is known here (${reasonOf(error)}); put it there anew`
    : `${path} holds no private key; it must have one in PEM, which begins with -----BEGIN PRIVATE KEY-----`
}

/** What OpenSSL says, without where in it: "bad end line" of "error:04800066:PEM routines::bad end line". */
function reasonOf (error: unknown): string {
  return (error as Error).message.replace(/^error:.*:/, '')
}

function ownFaults ({ setting, path }: NamedFile, own: X509Certificate, usages: readonly Usage[]): string[] {
  const faults = timeFaults(`${setting}: the certificate in ${path}`, own)
  const missing = usagesMissing(own, usages)
  if (missing.length === 0) return faults
  return [...faults, `${setting}: the certificate in ${path} may not be used for ${missing.join(' and ')} (its extended key usage); make one with ${usages.join(' and ')}.`]
}

/** One authority whose time is over may stay beside another, which is how one takes the place of the other. */
function authorityFaults ({ setting, path }: NamedFile, authorities: readonly X509Certificate[]): string[] {
  const strangers = authorities.filter(({ ca }) => !ca).map((certificate) => (
    `${setting}: ${path} holds a certificate that is no authority's (${subjectOf(certificate)}); leave in it only those that sign others.`))
  // OpenSSL trusts no chain that has no end.
  const loose = authorities.filter((authority) => authority.ca && !isWhole(authority, authorities)).map((authority) => (
    `${setting}: ${path} holds the authority ${subjectOf(authority)}, but not the one that has signed it; add that as well, up to the root.`))
  const faults = [...strangers, ...loose]
  const times = authorities.map((certificate) => timeFaults(`${setting}: the authority in ${path}`, certificate))
  return times.every((faults) => faults.length > 0) ? [...faults, ...times.flat()] : faults
}

function timeFaults (what: string, { validFrom, validTo }: X509Certificate): string[] {
  const now = Date.now()
  if (now > Date.parse(validTo)) return [`${what} expired on ${dayOf(validTo)}; renew it.`]
  if (now < Date.parse(validFrom)) return [`${what} is valid only from ${dayOf(validFrom)} on; correct this machine's clock, or wait.`]
  return []
}
