import { RawJson } from '../../storage/raw-json.ts'
import { backslash, closeBrace, openBrace, openBracket, quote, type Scanner } from './scanner.ts'

const space = 0x20

/** A value that keeps this many times its own size in memory is copied out. */
const heldTimesMax = 4

/**
 * Reads one value without parsing it: its grammar is checked, and its bytes are kept as they came, but for white space
 * between tokens. `depthMax` counts from the value itself, so that the same data is right or wrong in any request.
 * Throws INVALID_JSON.
 */
export function readOpaque (scanner: Scanner, depthMax: number): RawJson {
  scanner.next()
  const start = scanner.at
  const spacesBefore = scanner.spaces
  passValue(scanner, depthMax)
  const bytes = scanner.body.subarray(start, scanner.at)
  const spaces = scanner.spaces - spacesBefore
  return new RawJson(spaces === 0 ? release(bytes) : compact(bytes, spaces))
}

/** Not recursive: a text can nest deeper than the stack is. */
function passValue (scanner: Scanner, depthMax: number): void {
  /** The closers that are still to come, the outermost first. */
  const closers: number[] = []
  for (;;) {
    const first = scanner.next()
    if (first === quote) {
      scanner.string()
    } else if (first === openBrace || first === openBracket) {
      if (closers.length === depthMax) scanner.fail(`nested deeper than ${depthMax} levels (CHANGEWELL_JSON_DEPTH_MAX)`)
      const closer = closerOf(first)
      if (scanner.enter(closer)) {
        closers.push(closer)
        passName(scanner, closer)
        continue
      }
    } else {
      scanner.scalar()
    }
    // The value is whole, and perhaps the last one of the containers around it.
    for (;;) {
      const closer = closers[closers.length - 1]
      if (closer === undefined) return
      if (scanner.more(closer)) {
        passName(scanner, closer)
        break
      }
      closers.pop()
    }
  }
}

/** The closing bracket or brace for an opening one. */
export function closerOf (opener: number): number {
  // ASCII has them two apart: [ \ ] and { | }.
  return opener + 2
}

function passName (scanner: Scanner, closer: number): void {
  if (closer !== closeBrace) return
  scanner.memberName()
  scanner.colon()
}

/** A copy of a valid text without the white space between its tokens, of which there are `spaces` bytes. */
function compact (text: Buffer, spaces: number): Buffer {
  const bytes = Buffer.allocUnsafe(text.length - spaces)
  let to = 0
  let inString = false
  for (let from = 0; from < text.length; from++) {
    const byte = text[from]!
    // No other byte of a valid text is as low, outside strings.
    if (!inString && byte <= space) continue
    bytes[to++] = byte
    if (byte === quote) inString = !inString
    else if (byte === backslash) bytes[to++] = text[++from]!
  }
  return bytes
}

/**
 * The same bytes, without holding a much larger body in memory for them. Small buffers share one allocation of
 * `Buffer.poolSize` anyway; there a copy would release nothing.
 */
function release (bytes: Buffer): Buffer {
  const heldBytes = bytes.buffer.byteLength
  return heldBytes > Buffer.poolSize && heldBytes > bytes.length * heldTimesMax ? Buffer.from(bytes) : bytes
}
