import { keyFault, tagFault } from '../storage/names.ts'
import { Problem } from '../storage/problem.ts'

/** @throws Problem INVALID_FIELD about the field when the key cannot be one. */
export function checkKey (key: string, bytesMax: number, field: string): void {
  checkLength(key, bytesMax, field, 'CHANGEWELL_KEY_BYTES_MAX')
  checkFault(keyFault(key, bytesMax), field)
}

/** @throws Problem INVALID_FIELD about the field when the tag cannot be one. */
export function checkTag (tag: string, bytesMax: number, field: string): void {
  checkLength(tag, bytesMax, field, 'CHANGEWELL_TAG_BYTES_MAX')
  checkFault(tagFault(tag, bytesMax), field)
}

/** @throws Problem INVALID_FIELD about the field when there is a reason against it. */
export function checkFault (reason: string | null, field: string): void {
  if (reason !== null) throw new Problem('INVALID_FIELD', { field, reason })
}

/** Whoever goes over a limit that is a setting is told which one. */
function checkLength (text: string, bytesMax: number, field: string, setting: string): void {
  const bytes = Buffer.byteLength(text)
  checkFault(bytes > bytesMax ? `must be at most ${bytesMax} bytes of UTF-8 (${setting}), and has ${bytes}` : null, field)
}
