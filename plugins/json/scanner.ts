import { invalid } from './invalid.ts'
import { numberEnd } from './numbers.ts'

// These are at home here and not in a file of their own because an imported constant is fetched anew at every use: in
// the loops below that made long strings half as fast.
export const quote = 0x22
export const openBracket = 0x5b
export const backslash = 0x5c
export const closeBracket = 0x5d
export const openBrace = 0x7b
export const closeBrace = 0x7d
export const letterF = 0x66
export const letterN = 0x6e
export const letterT = 0x74
const comma = 0x2c
const colon = 0x3a
const space = 0x20
const tab = 0x09
const lineFeed = 0x0a
const carriageReturn = 0x0d
const letterU = 0x75

/** What `next` says when no byte is left. */
export const endOfBody = -1

/** What a string holds besides plain ASCII: these bits, added. */
export const holdsNonAscii = 1
export const holdsEscapes = 2

const plain = 0
const special = 2

/**
 * What each byte is inside a string: `plain`, a part of a longer character (`holdsNonAscii`), or `special`: it ends the
 * string, begins an escape, or must not stand there.
 */
const stringBytes = new Uint8Array(256).fill(special, 0, space).fill(holdsNonAscii, 0x80)
stringBytes[quote] = special
stringBytes[backslash] = special

/** 1 for each byte that makes a whole escape with the backslash before it. */
const shortEscapes = tableOf('"\\/bfnrt')
const hexDigits = tableOf('0123456789ABCDEFabcdef')

/**
 * Walks over the tokens of a JSON text (RFC 8259) without making values of them. Every method begins at `at`, leaves
 * `at` behind what it passed, and throws INVALID_JSON at the first byte that the grammar does not allow. The text must
 * be UTF-8: that is not checked here.
 */
export class Scanner {
  readonly body: Buffer
  at = 0
  /** How many bytes of white space between tokens were passed. */
  spaces = 0

  constructor (body: Buffer) {
    this.body = body
  }

  /** Passes white space. Returns the byte behind it, which stays to be read, or `endOfBody`. */
  next (): number {
    const { body, at } = this
    if (at < body.length) {
      const byte = body[at]!
      if (byte > space) return byte
    }
    return this.#nextAfterSpace()
  }

  /** Passes an opening bracket or brace, and the closer if nothing stands between. Returns whether something does. */
  enter (closer: number): boolean {
    this.at++
    if (this.next() !== closer) return true
    this.at++
    return false
  }

  /** Passes what follows a value in a container. Returns true for a comma, false for the container's closer. */
  more (closer: number): boolean {
    const byte = this.next()
    if (byte !== comma && byte !== closer) {
      this.fail(closer === closeBrace ? "expected ',' or '}' after a member" : "expected ',' or ']' after an element")
    }
    this.at++
    return byte === comma
  }

  /** Passes the name of a member. Returns what `string` returns. */
  memberName (): number {
    if (this.next() !== quote) this.fail('expected a member name in double quotes')
    return this.string()
  }

  /** Passes the colon between a member's name and its value. */
  colon (): void {
    if (this.next() !== colon) this.fail("expected ':' after a member name")
    this.at++
  }

  /** Passes a string, quotes included. Returns what it holds: 0, `holdsNonAscii`, `holdsEscapes` or both, added. */
  string (): number {
    const { body } = this
    let holds = 0
    let at = this.at + 1
    for (; at < body.length; at++) {
      const byte = body[at]!
      const kind = stringBytes[byte]
      if (kind === plain) continue
      if (kind === holdsNonAscii) {
        holds |= holdsNonAscii
      } else if (byte === quote) {
        this.at = at + 1
        return holds
      } else if (byte === backslash) {
        at = this.#escapeLast(at)
        holds |= holdsEscapes
      } else {
        this.fail('a control character in a string must be escaped', at)
      }
    }
    return this.fail('expected a closing double quote', at)
  }

  /** Passes a number, true, false or null. */
  scalar (): void {
    switch (this.body[this.at]) {
      case letterT: return this.#word('true')
      case letterF: return this.#word('false')
      case letterN: return this.#word('null')
      default: this.at = numberEnd(this.body, this.at)
    }
  }

  fail (reason: string, offset: number = this.at): never {
    return invalid(this.body, reason, offset)
  }

  /** Apart from `next`, so that the common case, no white space, is small enough to be compiled into its callers. */
  #nextAfterSpace (): number {
    const { body } = this
    let at = this.at
    while (at < body.length && isSpace(body[at]!)) at++
    this.spaces += at - this.at
    this.at = at
    return at < body.length ? body[at]! : endOfBody
  }

  /** Returns where the last byte of the escape stands that begins at `at`. */
  #escapeLast (at: number): number {
    const { body } = this
    const kind = body[at + 1]
    if (kind === letterU) {
      for (let digit = at + 2; digit < at + 6; digit++) {
        if (hexDigits[body[digit] ?? 0] !== 1) this.fail("expected four hexadecimal digits after '\\u'", digit)
      }
      return at + 5
    }
    if (shortEscapes[kind ?? 0] !== 1) {
      this.fail("expected one of \" \\ / b f n r t u after '\\'", at + 1)
    }
    return at + 1
  }

  #word (word: string): void {
    for (let index = 1; index < word.length; index++) {
      if (this.body[this.at + index] !== word.charCodeAt(index)) this.fail('expected a value')
    }
    this.at += word.length
  }
}

function isSpace (byte: number): boolean {
  return byte === space || byte === lineFeed || byte === carriageReturn || byte === tab
}

function tableOf (characters: string): Uint8Array {
  const table = new Uint8Array(256)
  for (const byte of Buffer.from(characters)) table[byte] = 1
  return table
}
