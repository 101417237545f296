import { X509Certificate } from 'node:crypto'

/** What a certificate may be used for. */
export type Usage = 'serverAuth' | 'clientAuth'

const usageIds: Record<Usage, string> = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' }

const pemPattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Lines that begin or end a certificate under any of the names that OpenSSL takes. */
const looseEnd = /-----(?:BEGIN|END)[A-Z0-9 ]* CERTIFICATE-----/

/**
 * The certificates of a PEM text in their order.
 *
 * @throws when one of them cannot be read, is cut off, or has another name: OpenSSL might trust what is not seen here
 */
export function certificatesIn (pem: string): X509Certificate[] {
  const found = (pem.match(pemPattern) ?? []).map((text) => new X509Certificate(text))
  if (looseEnd.test(pem.replace(pemPattern, ''))) throw new Error('it is cut off, or does not stand between BEGIN CERTIFICATE and END CERTIFICATE')
  return found
}

/** One PEM text of the certificates. OpenSSL is more particular about line ends than whoever joins files. */
export function pemOf (certificates: readonly X509Certificate[]): string {
  return certificates.map(String).join('')
}

/** Which of the usages the certificate does not allow; one that names none allows them all. */
export function usagesMissing ({ keyUsage }: X509Certificate, usages: readonly Usage[]): Usage[] {
  // Node calls the extended key usage by this name.
  const ids = keyUsage as string[] | undefined
  return ids === undefined ? [] : usages.filter((usage) => !ids.includes(usageIds[usage]))
}

/** Whether one of the authorities has signed the certificate, itself or through the intermediates. */
export function leadsTo (
  certificate: X509Certificate, intermediates: readonly X509Certificate[], authorities: readonly X509Certificate[]
): boolean {
  if (authorities.some((authority) => isSignedBy(certificate, authority))) return true
  return intermediates.some((intermediate) => isSignedBy(certificate, intermediate) &&
    leadsTo(intermediate, intermediates.filter((other) => other !== intermediate), authorities))
}

function isSignedBy (certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.fingerprint256 === issuer.fingerprint256 ||
    (certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey))
}

/** Whether the file of authorities has all that are above this one, up to one that has signed itself. */
export function isWhole (authority: X509Certificate, authorities: readonly X509Certificate[]): boolean {
  return leadsTo(authority, authorities, authorities.filter((other) => other.checkIssued(other)))
}

/** Where a chain ends: its certificates above which it holds none. Roots are left out: whoever trusts one has it. */
export function endsOf ([own, ...above]: readonly X509Certificate[]): X509Certificate[] {
  const intermediates = above.filter(({ issuer, subject }) => issuer !== subject)
  return [own!, ...intermediates].filter((one) => !intermediates.some((other) => (
    other !== one && one.issuer === other.subject && one.verify(other.publicKey))))
}

/** Its subject on one line: `CN=web, O=Example`. */
export function subjectOf ({ subject }: X509Certificate): string {
  return subject.split('\n').join(', ')
}

/** Its one common name; null without one, or with several. */
export function commonNameOf (certificate: X509Certificate): string | null {
  const { CN } = certificate.toLegacyObject().subject as { CN?: string | string[] }
  return typeof CN === 'string' && CN !== '' ? CN : null
}

/** Its alternative names, each with its kind: `DNS:web.example`, `IP Address:127.0.0.1`, `URI:urn:a:b`. */
export function altNamesOf ({ subjectAltName = '' }: X509Certificate): string[] {
  // What could be taken for more than one name is in quotes.
  return [...subjectAltName.matchAll(/([^:,"]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/gy)].map(([, kind, name = '']) => (
    `${kind}:${name.startsWith('"') ? JSON.parse(name) as string : name}`))
}

/** Whole days until the certificate expires; negative when it has. */
export function daysLeft ({ validTo }: X509Certificate, now = Date.now()): number {
  return Math.floor((Date.parse(validTo) - now) / 86_400_000)
}

export function dayOf (date: string): string {
  return new Date(date).toISOString().replace('.000Z', 'Z')
}
