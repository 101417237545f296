import { invalid } from './invalid.ts'

const plus = 0x2b
const minus = 0x2d
const point = 0x2e
const zero = 0x30
const nine = 0x39
const capitalE = 0x45
const smallE = 0x65

/** Returns the place behind the number that begins at `at`. Throws INVALID_JSON. */
export function numberEnd (body: Buffer, at: number): number {
  if (body[at] === minus) at++
  else if (!isDigit(body[at])) invalid(body, 'expected a value', at)
  const first = at
  at = digitsEnd(body, at)
  if (body[first] === zero && at > first + 1) invalid(body, 'a number must not begin with 0', first)
  if (body[at] === point) at = digitsEnd(body, at + 1)
  if (body[at] === smallE || body[at] === capitalE) {
    at++
    if (body[at] === plus || body[at] === minus) at++
    at = digitsEnd(body, at)
  }
  return at
}

/** At least one digit must stand there. */
function digitsEnd (body: Buffer, at: number): number {
  if (!isDigit(body[at])) invalid(body, 'expected a digit', at)
  do at++
  while (at < body.length && isDigit(body[at]))
  return at
}

/** Undefined, what stands behind the last byte, compares as false. */
function isDigit (byte: number | undefined): boolean {
  return byte! >= zero && byte! <= nine
}
