import type { FastifyRequest } from 'fastify'
import { Problem } from '../../storage/problem.ts'
import { addressOf } from './address.ts'
import { Attempts } from './attempts.ts'
import { nameOf } from './certificate.ts'
import type { Hashes } from './htpasswd.ts'
import { Passwords } from './passwords.ts'
import { digestOf, type Tokens } from './tokens.ts'

/** Who sent a request, and whether what proved it still does. */
export interface Identified {
  /** Null for whoever came without credentials. */
  identity: string | null
  /** The subject of a client certificate that was shown and names nobody. */
  certificate?: string
  isGood: () => boolean
}

export interface AuthenticatorOptions {
  /** Those in force; null when the node has no such file. */
  hashes: (() => Hashes) | null
  tokens: (() => Tokens) | null
  /** Wrong credentials a minute from one address. */
  failuresMax: number
}

/** So many times as many for one name, because somebody else may be guessing. */
const failuresPerName = 10

/** The longest name that an identity can have; a longer one is nobody's, and is not remembered. */
const nameCharactersMax = 256

const anonymous: Identified = { identity: null, isGood: () => true }

/**
 * Finds out who sent a request. Credentials in the request decide, and wrong ones are refused, whatever else would be
 * allowed without them; then the client certificate. What is known to be right is never limited, so that nobody who
 * guesses can lock out a user who is at work.
 */
export class Authenticator {
  /** What `WWW-Authenticate` offers. */
  readonly schemes: string[]
  readonly #options: AuthenticatorOptions
  readonly #passwords: Passwords
  readonly #addresses: Attempts
  readonly #names: Attempts

  constructor (options: AuthenticatorOptions) {
    const { hashes, tokens, failuresMax } = options
    this.#options = options
    this.schemes = [...hashes === null ? [] : ['Basic'], ...tokens === null ? [] : ['Bearer']]
    this.#passwords = new Passwords(hashes ?? (() => new Map()))
    this.#addresses = new Attempts(failuresMax)
    this.#names = new Attempts(failuresMax * failuresPerName)
  }

  /** @throws Problem UNAUTHENTICATED for wrong credentials, TOO_MANY_ATTEMPTS when these are not looked at. */
  identify (request: FastifyRequest): Identified | Promise<Identified> {
    const { authorization } = request.headers
    // A node without files of credentials looks at certificates alone.
    if (authorization === undefined || this.schemes.length === 0) {
      const { clientCertificate } = request
      if (clientCertificate === null) return anonymous
      const name = nameOf(clientCertificate)
      if (name === null) return { ...anonymous, certificate: clientCertificate.subject }
      return { identity: name, isGood: () => true }
    }
    const [, scheme = '', credentials = ''] = /^([A-Za-z]+) +(\S+) *$/.exec(authorization) ?? []
    const address = addressOf(request.ip)
    if (scheme.toLowerCase() === 'bearer') return this.#bearer(credentials, address)
    if (scheme.toLowerCase() === 'basic') return this.#basic(credentials, address)
    throw this.#wrong('the header Authorization has another form than is taken here')
  }

  #bearer (token: string, address: string): Identified {
    const { tokens } = this.#options
    const digest = digestOf(token)
    const identity = tokens?.().nameOf(digest) ?? null
    if (identity !== null) return { identity, isGood: () => tokens!().nameOf(digest) === identity }
    throw this.#failed(address, 'the token is not known')
  }

  #basic (credentials: string, address: string): Identified | Promise<Identified> {
    const [, name = null, password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(credentials, 'base64').toString()) ?? []
    if (name === null) throw this.#wrong('the credentials have no colon between name and password')
    const { hashes } = this.#options
    if (hashes === null) throw this.#failed(address, 'this node knows tokens only')
    const hash = hashes().get(name)
    const identified = { identity: name, isGood: () => hash !== undefined && hashes().get(name) === hash }
    if (this.#passwords.isRemembered(name, password)) return identified
    return this.#check(identified, name, password, address)
  }

  async #check (identified: Identified, name: string, password: string, address: string): Promise<Identified> {
    const isNew = !this.#passwords.isAsked(name, password)
    const known = name.slice(0, nameCharactersMax)
    if (isNew) {
      this.#begin(Math.max(this.#addresses.waitSeconds(address), this.#names.waitSeconds(known)))
      if (this.#passwords.isBusy) this.#begin(1)
      this.#addresses.add(address)
      this.#names.add(known)
    }
    const isRight = await this.#passwords.check(name, password)
    if (isRight && isNew) {
      this.#addresses.takeBack(address)
      this.#names.takeBack(known)
    }
    // The file may have been read again meanwhile.
    if (isRight && identified.isGood()) return identified
    throw this.#wrong('there is no such user, or the password is another')
  }

  /** What took no time to find wrong counts, too: tokens can be guessed as well as passwords. */
  #failed (address: string, reason: string): Problem {
    this.#begin(this.#addresses.waitSeconds(address))
    this.#addresses.add(address)
    return this.#wrong(reason)
  }

  #begin (retryAfterSeconds: number): void {
    if (retryAfterSeconds > 0) throw new Problem('TOO_MANY_ATTEMPTS', { retryAfterSeconds })
  }

  #wrong (reason: string): Problem {
    return new Problem('UNAUTHENTICATED', { reason, schemes: this.schemes })
  }
}
