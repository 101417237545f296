import { isIPv4, isIPv6 } from 'node:net'
import { createHash } from 'node:crypto'
import {
  BitString, Boolean, Constructed, ObjectIdentifier, OctetString, Primitive, Sequence, type AsnType,
} from 'asn1js'

/** What a certificate may be used for (RFC 5280, section 4.2.1.12). */
export type Usage = 'serverAuth' | 'clientAuth'

/** The extensions of a certificate by their object identifiers (RFC 5280, section 4.2.1). */
export const extensionIds = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
}

const usageIds: Record<Usage, string> = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' }

/** Whether the holder may sign certificates. */
export function basicConstraints (isAuthority: boolean): AsnType {
  return extension('basicConstraints', new Sequence({ value: isAuthority ? [new Boolean({ value: true })] : [] }), true)
}

/** An authority signs certificates and revocation lists, others only the handshakes that they take part in. */
export function keyUsage (isAuthority: boolean): AsnType {
  const [bits, unusedBits] = isAuthority ? [0b0000_0110, 1] : [0b1000_0000, 7]
  return extension('keyUsage', new BitString({ valueHex: Buffer.from([bits]), unusedBits }), true)
}

export function extendedKeyUsage (usages: readonly Usage[]): AsnType {
  return extension('extendedKeyUsage', new Sequence({ value: usages.map((usage) => new ObjectIdentifier({ value: usageIds[usage] })) }))
}

/** Names as a list of addresses, `urn:` names and host names, each told by its form. */
export function subjectAltName (names: readonly string[]): AsnType {
  return extension('subjectAltName', new Sequence({ value: names.map(generalName) }))
}

export function subjectKeyIdentifier (id: Buffer): AsnType {
  return extension('subjectKeyIdentifier', new OctetString({ valueHex: id }))
}

export function authorityKeyIdentifier (id: Buffer): AsnType {
  return extension('authorityKeyIdentifier', new Sequence({ value: [tagged(0, id)] }))
}

/** A name for a public key (RFC 7093, section 2, method 1). */
export function keyIdentifier (publicKey: Buffer): Buffer {
  return createHash('sha256').update(publicKey).digest().subarray(0, 20)
}

function extension (name: keyof typeof extensionIds, value: AsnType, isCritical = false): AsnType {
  return new Sequence({
    value: [
      new ObjectIdentifier({ value: extensionIds[name] }),
      ...isCritical ? [new Boolean({ value: true })] : [],
      new OctetString({ valueHex: value.toBER() }),
    ],
  })
}

/** The numbers are those of GeneralName (RFC 5280, section 4.2.1.6). */
function generalName (name: string): AsnType {
  if (isIPv4(name) || isIPv6(name)) return tagged(7, addressBytes(name))
  return tagged(name.startsWith('urn:') ? 6 : 2, Buffer.from(name, 'ascii'))
}

function addressBytes (address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  // A URL spells an IPv6 address in one way only, with hex digits alone.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string | undefined): string[] => text === undefined || text === '' ? [] : text.split(':')
  const zeros = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length
  const all = [...groups(head), ...Array<string>(zeros).fill('0'), ...groups(tail)]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

function tagged (tagNumber: number, valueHex: Buffer): AsnType {
  return new Primitive({ idBlock: { tagClass: 3, tagNumber }, valueHex })
}

/** A field that is there with a number of its own. */
export function numbered (tagNumber: number, value: AsnType): AsnType {
  return new Constructed({ idBlock: { tagClass: 3, tagNumber }, value: [value] })
}
