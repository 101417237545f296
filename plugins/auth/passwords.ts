import { createHmac, randomBytes } from 'node:crypto'
import { verify } from '@node-rs/bcrypt'
import type { Hashes } from './htpasswd.ts'

/** How long a password that was found right is known without bcrypt, since it came last. */
const rememberedMs = 5 * 60 * 1000

const rememberedMax = 10_000

/** Checks at one time. They run on the thread pool, of which the disk needs its share. */
const runningMax = 2

/** Checks that wait for their turn. */
const waitingMax = 100

/**
 * Checks passwords. bcrypt is slow by design, a twentieth of a second and more, so what was right is remembered for a
 * while: by a keyed hash of name, password and the user's hash in force. So nothing is remembered of a password that
 * was changed since, and nothing here tells a password to whoever reads the memory without the key.
 */
export class Passwords {
  readonly #hashes: () => Hashes
  readonly #secret = randomBytes(32)
  readonly #remembered = new Map<string, number>()
  readonly #asked = new Map<string, Promise<boolean>>()
  readonly #waiting: (() => void)[] = []
  #running = 0

  /** @param hashes those in force */
  constructor (hashes: () => Hashes) {
    this.#hashes = hashes
  }

  /** Whether this password is known to be right: then bcrypt is not asked. */
  isRemembered (name: string, password: string): boolean {
    const hash = this.#hashes().get(name)
    if (hash === undefined) return false
    const place = this.#place(name, hash, password)
    const until = this.#remembered.get(place)
    if (until === undefined) return false
    const now = performance.now()
    this.#remembered.delete(place)
    if (until < now) return false
    this.#remembered.set(place, now + rememberedMs)
    return true
  }

  /** Whether this very check is under way already: it costs nothing more, and is no further guess. */
  isAsked (name: string, password: string): boolean {
    return this.#asked.has(this.#place(name, this.#hashes().get(name) ?? '', password))
  }

  get isBusy (): boolean {
    return this.#waiting.length >= waitingMax
  }

  /** Whether the password is the user's, by bcrypt, off the main thread. */
  check (name: string, password: string): Promise<boolean> {
    const hash = this.#hashes().get(name)
    const place = this.#place(name, hash ?? '', password)
    const asked = this.#asked.get(place) ?? this.#verify(place, hash, password)
    this.#asked.set(place, asked)
    return asked
  }

  async #verify (place: string, hash: string | undefined, password: string): Promise<boolean> {
    if (this.#running >= runningMax) await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
    else this.#running++
    try {
      const isRight = await verify(password, hash ?? this.#nobody()) && hash !== undefined
      if (isRight) this.#remember(place)
      return isRight
    } finally {
      this.#asked.delete(place)
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }

  /** For users that there are not a hash like the others' is checked, so that the time does not tell of it. */
  #nobody (): string {
    const [like = '$2b$10$'] = this.#hashes().values()
    return like.slice(0, '$2b$10$'.length) + '.'.repeat(53)
  }

  #remember (place: string): void {
    if (this.#remembered.size >= rememberedMax) {
      // The order is that of their last use.
      const [oldest] = this.#remembered.keys()
      if (oldest !== undefined) this.#remembered.delete(oldest)
    }
    this.#remembered.set(place, performance.now() + rememberedMs)
  }

  #place (name: string, hash: string, password: string): string {
    return createHmac('sha256', this.#secret).update(JSON.stringify([name, hash, password])).digest('base64')
  }
}
