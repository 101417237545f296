import { lookup, Resolver } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { DiscoveryError } from './provider.ts'

/** What looks names up; the system's unless a test has another. */
export interface NameSystem {
  /** All addresses of a name, as the system's own programs find them: DNS with its search domains, the hosts file. */
  addresses: (name: string) => Promise<string[]>
  /** The SRV records of a name (RFC 2782); none where it has none. */
  services: (name: string) => Promise<Service[]>
}

export interface Service {
  host: string
  port: number
  priority: number
  weight: number
}

/** So long a name may take; then it is tried again with the next round. */
const timeoutMs = 5000

/**
 * Looks names up, one at a time. The system's way takes one of the few threads that also read and write the disk, for
 * as long as a slow DNS server lets it: with several at a time a wrong name would stop the log.
 */
export class Names {
  readonly #system: NameSystem
  readonly #underWay = new Map<string, Promise<string[]>>()
  #last: Promise<unknown> = Promise.resolve()

  constructor (system?: NameSystem) {
    this.#system = system ?? systemNames()
  }

  /**
   * All addresses of a name, or an address itself.
   *
   * @throws DiscoveryError
   */
  async addresses (name: string, signal: AbortSignal): Promise<string[]> {
    if (isIP(name) !== 0) return [name]
    let found = this.#underWay.get(name)
    if (found === undefined) {
      found = this.#last.then(() => this.#system.addresses(name)).finally(() => { this.#underWay.delete(name) })
      this.#underWay.set(name, found)
      this.#last = found.catch(() => {})
    }
    const addresses = await within(found, name, signal)
    if (addresses.length === 0) throw unavailable(name, 'has no address')
    return addresses
  }

  /**
   * The SRV records of a name, in the order in which they are to be tried.
   *
   * @throws DiscoveryError when they could not be looked up; to have none is no error
   */
  async services (name: string, signal: AbortSignal): Promise<Service[]> {
    const found = await within(this.#system.services(name), name, signal)
    return found.sort((a, b) => a.priority - b.priority || b.weight - a.weight)
  }
}

/** All that goes through the system stands in one line. */
export const inLine = new Names()

/** What `net.connect` is to look names up with: an address of the one that answers is as good as the others. */
export const lookupInLine: LookupFunction = (name, options, done) => {
  inLine.addresses(name, AbortSignal.timeout(timeoutMs)).then((addresses) => {
    const found = addresses.map((address) => ({ address, family: isIP(address) }))
    const wanted = found.filter(({ family }) => [0, undefined, family].includes(familyOf(options.family)))
    if (wanted.length === 0) return done(new Error(`${name} has no address of IPv${options.family}`), [])
    if (options.all === true) done(null, wanted)
    else done(null, wanted[0]!.address, wanted[0]!.family)
  }, (error: Error) => done(error, []))
}

function familyOf (family: number | 'IPv4' | 'IPv6' | undefined): number | undefined {
  return typeof family === 'string' ? Number(family.slice(-1)) : family
}

async function within<Result> (found: Promise<Result>, name: string, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted()
  let timer: NodeJS.Timeout | undefined
  let abort = (): void => {}
  const ended = new Promise<never>((_resolve, reject) => {
    const late = `was not looked up within ${timeoutMs} ms: the DNS server is slow or away`
    timer = setTimeout(() => reject(unavailable(name, late)), timeoutMs)
    abort = () => reject(new Error('the look-up was ended', { cause: signal.reason }))
    signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([found, ended])
  } catch (error) {
    if (signal.aborted || error instanceof DiscoveryError) throw error
    throw unavailable(name, reasonOf(error as NodeJS.ErrnoException), error)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
    // Whoever no longer waits is not to fail because it came to nothing.
    found.catch(() => {})
  }
}

function reasonOf ({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOTFOUND':
    case 'ENODATA': return 'is not known to the DNS server'
    case 'EAI_AGAIN':
    case 'ETIMEOUT':
    case 'ESERVFAIL':
    case 'ECONNREFUSED': return `could not be looked up: the DNS server gives no answer (${code})`
    default: return `could not be looked up: ${message}`
  }
}

function unavailable (name: string, reason: string, cause?: unknown): DiscoveryError {
  return new DiscoveryError('DISCOVERY_UNAVAILABLE', `the name ${name} ${reason}`, { cause })
}

function systemNames (): NameSystem {
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  return {
    async addresses (name) {
      const found = await lookup(name, { all: true, order: 'verbatim' })
      return [...new Set(found.map(({ address }) => address))]
    },
    async services (name) {
      try {
        const found = await resolver.resolveSrv(name)
        return found.map(({ name: host, ...rest }) => ({ host, ...rest }))
      } catch (error) {
        if (['ENOTFOUND', 'ENODATA'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
        throw error
      }
    },
  }
}
