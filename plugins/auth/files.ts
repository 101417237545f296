import type { FastifyBaseLogger } from 'fastify'
import { AuthFilesError } from './faults.ts'
import { parseHtpasswd, type Hashes } from './htpasswd.ts'
import { openPolicy, parsePolicy, type Policy } from './policy.ts'
import { parseTokens, Tokens } from './tokens.ts'
import { WatchedFile, type Outcome } from './watched-file.ts'

export interface Paths {
  authHtpasswd: string
  authTokens: string
  authPolicy: string
}

/** How often the files are looked at. One that changed is read at the look after it has come to rest. */
const lookMs = 1000

/** How often each kind of file was read again, by what came of it. */
export type ReloadCounts = Record<string, { loaded: number, refused: number }>

/** The files that say who may do what, always as they were last read without a fault. */
export class AuthFiles {
  readonly passwords: WatchedFile<Hashes>
  readonly tokens: WatchedFile<Tokens>
  readonly policy: WatchedFile<Policy>
  readonly counts: ReloadCounts
  readonly #logger: FastifyBaseLogger
  readonly #onChange: () => void
  #timer: NodeJS.Timeout | undefined
  #reading: Promise<void> = Promise.resolve()

  constructor ({ authHtpasswd, authTokens, authPolicy }: Paths, logger: FastifyBaseLogger, onChange: () => void) {
    this.passwords = new WatchedFile({
      holds: 'passwords', setting: 'CHANGEWELL_AUTH_HTPASSWD', path: authHtpasswd, parse: parseHtpasswd, otherwise: new Map(),
    })
    this.tokens = new WatchedFile({
      holds: 'tokens', setting: 'CHANGEWELL_AUTH_TOKENS', path: authTokens, parse: parseTokens, otherwise: new Tokens(),
    })
    this.policy = new WatchedFile({
      holds: 'rights', setting: 'CHANGEWELL_AUTH_POLICY', path: authPolicy, parse: parsePolicy, otherwise: openPolicy,
    })
    this.#logger = logger
    this.#onChange = onChange
    this.counts = Object.fromEntries(this.#all().map(({ holds }) => [holds, { loaded: 0, refused: 0 }]))
  }

  get isNamed (): boolean {
    return this.#all().some(({ isNamed }) => isNamed)
  }

  /**
   * Reads them all for the first time, and looks at them from then on.
   *
   * @param canBeProven whether an identity can be shown without these files
   * @throws {AuthFilesError} with every fault of every file
   */
  async open (canBeProven: boolean): Promise<void> {
    const outcomes = await Promise.all(this.#all().map((file) => file.load()))
    const lines = outcomes.flatMap((outcome) => outcome.result === 'refused' ? outcome.lines : [])
    const isProvable = canBeProven || this.passwords.isNamed || this.tokens.isNamed
    const [name] = this.policy.value.names
    if (!isProvable && name !== undefined) {
      lines.push(`${this.policy.path}: it gives rights to ${JSON.stringify(name)}, but nobody can show to be that: set ` +
        'CHANGEWELL_AUTH_HTPASSWD, CHANGEWELL_AUTH_TOKENS or a CA of clients, or give rights to "anonymous" alone.')
    }
    if (lines.length > 0) throw new AuthFilesError(lines)
    if (!canBeProven) this.#warnOfUnknown()
    this.#timer = setInterval(() => { this.#read((file) => file.look()) }, lookMs).unref()
  }

  /** Reads them all again, changed or not. */
  async reload (): Promise<void> {
    this.#read((file) => file.load())
    await this.#reading
  }

  async close (): Promise<void> {
    clearInterval(this.#timer)
    await this.#reading
  }

  #all (): [WatchedFile<Hashes>, WatchedFile<Tokens>, WatchedFile<Policy>] {
    return [this.passwords, this.tokens, this.policy]
  }

  /** One reading after another, so that what is older never takes the place of what is newer. */
  #read (how: (file: Pick<WatchedFile<unknown>, 'load' | 'look'>) => Promise<Outcome>): void {
    this.#reading = this.#reading.then(async () => {
      const outcomes = await Promise.all(this.#all().map(how))
      this.#all().forEach((file, place) => this.#tell(file, outcomes[place]!))
      if (outcomes.some(({ result }) => result === 'loaded')) this.#onChange()
    })
  }

  #tell ({ holds, path }: { holds: string, path: string }, outcome: Outcome): void {
    const counts = this.counts[holds]!
    if (outcome.result === 'loaded') {
      counts.loaded++
      this.#logger.info({ path }, `the ${holds} were read again from ${path}`)
    } else if (outcome.result === 'refused') {
      counts.refused++
      this.#logger.error({ path, faults: outcome.lines }, `the new ${holds} are refused, and the old ones stay in force: ${outcome.lines.join(' ')}`)
    }
  }

  /** A name that is spelt wrongly would be without rights in silence. */
  #warnOfUnknown (): void {
    const known = new Set([...this.passwords.value.keys(), ...this.tokens.value.names()])
    const unknown = this.policy.value.names.filter((name) => !known.has(name))
    if (unknown.length === 0) return
    this.#logger.warn({ identities: unknown }, `the policy gives rights to whom no credentials are for: ${unknown.join(', ')}`)
  }
}
