import {
  createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate, type KeyObject,
} from 'node:crypto'
import {
  BitString, fromBER, GeneralizedTime, Integer, ObjectIdentifier, OctetString, Sequence, Set, UTCTime, Utf8String,
  type AsnType,
} from 'asn1js'
import {
  authorityKeyIdentifier, basicConstraints, extendedKeyUsage, extensionIds, keyIdentifier, keyUsage, numbered,
  subjectAltName, subjectKeyIdentifier, type Usage,
} from './extensions.ts'

/** What a certificate is to say. */
export interface CertificateRequest {
  commonName: string
  /** Whether it may sign others. */
  isAuthority?: boolean
  /** Host names, addresses, and names that begin with `urn:`. */
  names?: readonly string[]
  usages?: readonly Usage[]
  notBefore: Date
  notAfter: Date
}

/** A certificate and its private key, as PEM. */
export interface Issued {
  certificate: string
  key: string
}

const ecdsaWithSha256 = '1.2.840.10045.4.3.2'
const commonNameId = '2.5.4.3'

/**
 * Makes a key on the curve P-256 and a certificate for it (X.509 version 3, RFC 5280), signed by an authority or, where
 * none is given, by itself.
 *
 * @throws {TypeError} when the authority's key is not an elliptic-curve key, or not the one of its certificate
 */
export function issue (request: CertificateRequest, authority: Issued | null = null): Issued {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = parsed(publicKey.export({ type: 'spki', format: 'der' }))
  const id = keyIdentifier(publicKeyOf(spki))
  const subject = nameOf(request.commonName)
  const signer = authority === null ? { name: subject, id, key: privateKey } : signerOf(authority)
  const { isAuthority = false, names = [], usages = [], notBefore, notAfter } = request
  const extensions = [
    basicConstraints(isAuthority),
    keyUsage(isAuthority),
    ...usages.length === 0 ? [] : [extendedKeyUsage(usages)],
    ...names.length === 0 ? [] : [subjectAltName(names)],
    subjectKeyIdentifier(id),
    ...signer.id === null ? [] : [authorityKeyIdentifier(signer.id)],
  ]
  const algorithm = new Sequence({ value: [new ObjectIdentifier({ value: ecdsaWithSha256 })] })
  const body = new Sequence({
    value: [
      numbered(0, new Integer({ value: 2 })),
      serialNumber(),
      algorithm,
      signer.name,
      new Sequence({ value: [timeOf(notBefore), timeOf(notAfter)] }),
      subject,
      spki,
      numbered(3, new Sequence({ value: extensions })),
    ],
  })
  const signature = sign('sha256', Buffer.from(body.toBER()), signer.key)
  const certificate = new Sequence({ value: [body, algorithm, new BitString({ valueHex: signature })] })
  return {
    certificate: new X509Certificate(Buffer.from(certificate.toBER())).toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}

/** How an authority names itself and its key, and the key to sign with. */
function signerOf ({ certificate, key }: Issued): { name: AsnType, id: Buffer | null, key: KeyObject } {
  const x509 = new X509Certificate(certificate)
  const privateKey = createPrivateKey(key)
  if (privateKey.asymmetricKeyType !== 'ec') throw new TypeError('the authority\'s key is not an elliptic-curve key')
  if (!x509.checkPrivateKey(privateKey)) throw new TypeError('the authority\'s key does not belong to its certificate')
  const [body] = valuesOf(parsed(x509.raw))
  const fields = valuesOf(body!)
  const extensions = fields.find(({ idBlock }) => idBlock.tagClass === 3 && idBlock.tagNumber === 3)
  const list = extensions === undefined ? [] : valuesOf(valuesOf(extensions)[0]!)
  const found = list.map(valuesOf).find(([name]) => (
    name instanceof ObjectIdentifier && name.getValue() === extensionIds.subjectKeyIdentifier))
  const value = found?.at(-1)
  const id = value instanceof OctetString ? parsed(Buffer.from(value.getValue())) : null
  return {
    // After version, serial number, algorithm, issuer and validity.
    name: fields[5]!,
    id: id instanceof OctetString ? Buffer.from(id.getValue()) : null,
    key: privateKey,
  }
}

function nameOf (commonName: string): AsnType {
  const value = [new ObjectIdentifier({ value: commonNameId }), new Utf8String({ value: commonName })]
  const attribute = new Sequence({ value })
  return new Sequence({ value: [new Set({ value: [attribute] })] })
}

/** Random and positive, of 16 bytes. */
function serialNumber (): AsnType {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return new Integer({ valueHex: bytes })
}

/** Years from 2050 on need the longer form (RFC 5280, section 4.1.2.5). */
function timeOf (date: Date): AsnType {
  // Both forms end with seconds.
  const valueDate = new Date(Math.floor(date.getTime() / 1000) * 1000)
  return date.getUTCFullYear() < 2050 ? new UTCTime({ valueDate }) : new GeneralizedTime({ valueDate })
}

function publicKeyOf (spki: AsnType): Buffer {
  const [, bits] = valuesOf(spki)
  if (!(bits instanceof BitString)) throw new TypeError('a public key is no bit string')
  return Buffer.from(bits.valueBlock.valueHexView)
}

function parsed (der: Buffer): AsnType {
  const { offset, result } = fromBER(der)
  if (offset === -1) throw new TypeError(`this is no DER: ${result.error}`)
  return result
}

function valuesOf (block: AsnType): AsnType[] {
  const { value } = block.valueBlock as { value?: AsnType[] }
  return value ?? []
}
