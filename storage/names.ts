/**
 * Which names may be given. Each function returns null for a good one, or the reason against it, made to follow the
 * name of a field: "key must not be empty". Positions count UTF-16 units from 0, as JavaScript does.
 */

/** Of a tenant's whole name. */
export const tenantBytesMax = 512
const collectionBytesMax = 256
const segmentsMax = 16
const segmentBytesMax = 128

/** Below this, no character is changed by normalisation to NFC, nor does it change the one before it. */
const firstCombining = 0x300

/** A path such as `coke/deployments`: 1 to 16 segments of at most 128 bytes, 512 bytes in all. */
export function tenantNameFault (name: string): string | null {
  const fault = nameFault(name, tenantBytesMax)
  if (fault !== null) return fault
  const segments = name.split('/')
  if (segments.length > segmentsMax) {
    return `must have at most ${segmentsMax} segments between slashes (it has ${segments.length})`
  }
  const long = segments.find(segment => Buffer.byteLength(segment) > segmentBytesMax)
  if (long !== undefined) {
    return `must have segments of at most ${segmentBytesMax} bytes (one has ${Buffer.byteLength(long)})`
  }
  if (isDecimal(name)) return 'must not be a number alone: it would read as the id of a tenant'
  return null
}

/**
 * The name or id of a tenant, or the name of a collection, that must exist: it is only looked up, unless it is longer
 * than any that was ever given.
 */
export function referenceFault (reference: string): string | null {
  return lengthFault(reference, tenantBytesMax)
}

/** Slashes are allowed, as in `non-free/libs`, and mean nothing. At most 256 bytes. */
export function collectionNameFault (name: string): string | null {
  return nameFault(name, collectionBytesMax)
}

/** Any text of 1 to `bytesMax` bytes that can stand in a path and on a line. */
export function keyFault (key: string, bytesMax: number): string | null {
  if (key === '.' || key === '..') return `must not be '${key}': paths of addresses lose it on their way`
  return lengthFault(key, bytesMax) ?? characterFault(key)
}

/** Any text of 1 to `bytesMax` bytes without control characters: NUL ends a tag in the index. */
export function tagFault (tag: string, bytesMax: number): string | null {
  return lengthFault(tag, bytesMax) ?? characterFault(tag)
}

/** What tenants and collections have in common. */
function nameFault (name: string, bytesMax: number): string | null {
  const fault = lengthFault(name, bytesMax) ?? characterFault(name) ?? nameCharacterFault(name)
  if (fault !== null) return fault
  if (name.startsWith('_')) return "must not begin with '_': such names are reserved"
  for (const segment of name.split('/')) {
    const reason = segmentFault(segment)
    if (reason !== null) return reason
  }
  return null
}

function segmentFault (segment: string): string | null {
  if (segment === '') return "must not begin or end with '/', nor have two together"
  if (segment === '.' || segment === '..') return `must not have the segment '${segment}'`
  if (segment.trim() !== segment) return 'must not have white space at the beginning or end of a segment'
  return null
}

function lengthFault (text: string, bytesMax: number): string | null {
  if (text === '') return 'must not be empty'
  const bytes = Buffer.byteLength(text)
  return bytes > bytesMax ? `must be at most ${bytesMax} bytes of UTF-8 (it is ${bytes})` : null
}

/** What no text may hold: it could not be stored, or would break a line or the index. */
function characterFault (text: string): string | null {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) {
      return `must not contain control characters (found ${codeName(unit)} at position ${at})`
    }
    if (unit < 0xd800 || unit > 0xdfff) continue
    // A character beyond U+FFFF is two units; alone, a half has no place in UTF-8.
    if (text.codePointAt(at)! <= 0xffff) {
      return `must not contain half of a surrogate pair (found ${codeName(unit)} at position ${at})`
    }
    at++
  }
  return null
}

/**
 * Characters that cannot be seen, or that turn the order of others round: with them, two names that differ would look
 * alike (Unicode Technical Report 36, section 2). Persian and Hindi need the joiners, and pictures U+FE0F.
 */
const invisible = /(?!\u200c|\u200d|\ufe0f)\p{Default_Ignorable_Code_Point}|\p{Noncharacter_Code_Point}/u

/** What only tenants and collections may not hold, because people read, type and compare their names. */
function nameCharacterFault (name: string): string | null {
  let isNormalForSure = true
  for (let at = 0; at < name.length; at++) {
    const unit = name.charCodeAt(at)
    if (unit === 0x5c) return `must not contain a backslash (found at position ${at})`
    if (unit === 0x2028 || unit === 0x2029) {
      return `must not contain line separators (found ${codeName(unit)} at position ${at})`
    }
    if (unit >= firstCombining) isNormalForSure = false
  }
  const hidden = name.search(invisible)
  if (hidden !== -1) {
    return `must not contain characters that cannot be seen (found ${codeName(name.codePointAt(hidden)!)} at position ${hidden})`
  }
  if (isNormalForSure || name.normalize('NFC') === name) return null
  return 'must be in the Unicode normal form NFC: else two different names would look alike'
}

function isDecimal (name: string): boolean {
  return /^[0-9]+$/.test(name)
}

function codeName (code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
}
