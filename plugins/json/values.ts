import { holdsNonAscii, letterF, letterN, letterT, quote, type Scanner } from './scanner.ts'

/**
 * How much of the body is decoded ahead. A call into the decoder costs about 0.1 us, and a piece of text that is
 * decoded already a fifth of it.
 */
const windowBytes = 512

/** Makes values of strings, numbers, true, false and null, at the place where the scanner stands. */
export class ValueReader {
  readonly #scanner: Scanner
  #window = ''
  #windowStart = 0

  constructor (scanner: Scanner) {
    this.#scanner = scanner
  }

  /** `first` is the byte at which the scanner stands. */
  scalar (first: number): unknown {
    const scanner = this.#scanner
    const start = scanner.at
    if (first === quote) return this.#text(start, scanner.string())
    scanner.scalar()
    switch (first) {
      case letterT: return true
      case letterF: return false
      case letterN: return null
      default: return Number(this.#ascii(start, scanner.at))
    }
  }

  memberName (): string {
    const scanner = this.#scanner
    scanner.next()
    const start = scanner.at
    return this.#text(start, scanner.memberName())
  }

  /** The text of the string just passed, which began at `start`. */
  #text (start: number, holds: number): string {
    const scanner = this.#scanner
    const end = scanner.at - 1
    if (holds === 0) return this.#ascii(start + 1, end)
    if (holds === holdsNonAscii) return scanner.body.toString('utf8', start + 1, end)
    return this.#unescape(start, scanner.body.toString('utf8', start, scanner.at))
  }

  /** `literal` is a whole string of JSON, already known to be valid. Lone surrogates have no place in UTF-8. */
  #unescape (start: number, literal: string): string {
    const text: string = JSON.parse(literal)
    if (/\p{Surrogate}/u.test(text)) this.#scanner.fail('a surrogate escape must be one of a pair', start)
    return text
  }

  #ascii (start: number, end: number): string {
    if (end > this.#windowStart + this.#window.length) {
      this.#window = this.#scanner.body.toString('latin1', start, Math.max(end, start + windowBytes))
      this.#windowStart = start
    }
    return this.#window.slice(start - this.#windowStart, end - this.#windowStart)
  }
}
