import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { entriesOf, identityFault, type Parsed } from './faults.ts'

/** What a plain token must have: with fewer characters it could be guessed. */
const tokenCharactersMin = 20

/** Characters of a bearer token (RFC 6750, section 2.1). */
const tokenPattern = /^[A-Za-z0-9._~+/-]+=*$/

/** Tokens with the names of those that they stand for. */
export class Tokens {
  readonly #names = new Map<string, { digest: Buffer, name: string }>()
  /**
   * Where a token stands depends on this as well, so that nobody can learn from the time of a look-up how near a guess
   * came.
   */
  readonly #secret = randomBytes(32)

  get size (): number {
    return this.#names.size
  }

  /** Adds a token by its SHA-256; false when it is there already. */
  add (digest: Buffer, name: string): boolean {
    const place = this.#place(digest)
    if (this.#names.has(place)) return false
    this.#names.set(place, { digest, name })
    return true
  }

  /** The name of whoever the token with this SHA-256 stands for, or null. */
  nameOf (digest: Buffer): string | null {
    const found = this.#names.get(this.#place(digest))
    return found !== undefined && timingSafeEqual(found.digest, digest) ? found.name : null
  }

  names (): Iterable<string> {
    return new Set([...this.#names.values()].map(({ name }) => name))
  }

  #place (digest: Buffer): string {
    return createHmac('sha256', this.#secret).update(digest).digest('base64')
  }
}

export function digestOf (token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/**
 * A line for each token: the token, or `sha256:` and its SHA-256 in hex; white space; a name, which may have several
 * tokens.
 */
export function parseTokens (text: string): Parsed<Tokens> {
  const value = new Tokens()
  const faults: Parsed<Tokens>['faults'] = []
  for (const { line, entry } of entriesOf(text)) {
    const [, token = entry, name = ''] = /^(\S+)\s+(.*)$/.exec(entry) ?? []
    const reason = name === '' ? 'there is no name after the token' : identityFault(name) ?? tokenFault(token)
    if (reason !== null) faults.push({ line, reason })
    else if (!value.add(digestIn(token), name)) faults.push({ line, reason: 'the token is there twice; keep one' })
  }
  if (value.size === 0 && faults.length === 0) faults.push({ line: 0, reason: 'it holds no token; add a line with a token and a name' })
  return { value, faults }
}

// A token itself is in no message: what is wrong with a file is logged.
function tokenFault (token: string): string | null {
  if (token.startsWith('sha256:')) {
    return /^sha256:[0-9a-fA-F]{64}$/.test(token)
      ? null
      : 'after sha256: come 64 hex digits; make them with: printf %s "$TOKEN" | sha256sum'
  }
  if (!tokenPattern.test(token)) return 'the token has characters that a bearer token cannot have; make one with: openssl rand -hex 32'
  if (token.length >= tokenCharactersMin) return null
  return `the token has ${token.length} characters, and ${tokenCharactersMin} are the least; make one with: openssl rand -hex 32`
}

function digestIn (token: string): Buffer {
  return token.startsWith('sha256:') ? Buffer.from(token.slice('sha256:'.length), 'hex') : digestOf(token)
}
