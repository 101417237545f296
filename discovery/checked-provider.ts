import { inspect } from 'node:util'
import { isEverywhere, splitAddress } from './address.ts'
import { orAborted, withDeadline } from './deadline.ts'
import { DiscoveryError, isDiscoveryError, type Provider } from './provider.ts'

/** So long a call may take. Whoever made it is told, and makes it again. */
const callMsMax = 30_000

/** A node that ends waits no longer for its provider to end. */
const closeMsMax = 5000

/** What each call must be answered with: in words, and as a check. */
const answers = {
  open: { must: 'an object with name, decidesAlone and the methods of a provider', fits: isProvider },
  claim: { must: '{ forms: true }, or { forms: false, clusterId, reason } with 16 hex digits or null as the id', fits: isClaim },
  candidates: { must: 'a list of { peerAddress, id, source } with host:port as the address, and 16 hex digits or null as the id', fits: isCandidates },
  resolve: { must: 'host:port or null', fits: (answer: unknown) => answer === null || isAddress(answer) },
  isGone: { must: 'true or false', fits: isBoolean },
  publish: { must: 'anything', fits: () => true },
  advertise: { must: '{ peerAddress, apiAddress, reason } with host:port as addresses, and no 0.0.0.0 or ::', fits: isAdvertised },
  close: { must: 'anything', fits: () => true },
}

/**
 * Opens a provider whose answers are believed no more than what comes over a network: each is looked at, and waited for
 * no longer than it may take.
 *
 * @throws DiscoveryError
 */
export async function openChecked (name: string, open: () => Promise<Provider>): Promise<Provider> {
  return checkedProvider(await answerOf(`${name} (CHANGEWELL_DISCOVERY)`, 'open', endless(), callMsMax, open))
}

/** The provider, each of whose failures is a DiscoveryError that says which provider and which method it was. */
export function checkedProvider (provider: Provider, msMax = callMsMax): Provider {
  const { name, decidesAlone } = provider
  const ask = <Answer>(
    method: keyof typeof answers, signal: AbortSignal, call: (signal: AbortSignal) => Promise<Answer>
  ): Promise<Answer> => answerOf(name, method, signal, msMax, call)
  return {
    name,
    decidesAlone,
    claim: (proposed, signal) => ask('claim', signal, (each) => provider.claim(proposed, each)),
    candidates: (signal) => ask('candidates', signal, (each) => provider.candidates(each)),
    resolve: (id, signal) => ask('resolve', signal, (each) => provider.resolve(id, each)),
    ...(provider.isGone === undefined
      ? {}
      : { isGone: (id, signal) => ask('isGone', signal, (each) => provider.isGone!(id, each)) }),
    watch (changed) {
      const stop = provider.watch(changed) as unknown
      if (typeof stop !== 'function') throw unfit(name, 'watch', stop, 'a function that ends it')
      return () => { stop() }
    },
    publish: (self, signal) => ask('publish', signal, (each) => provider.publish(self, each)),
    advertise: (listening, signal) => ask('advertise', signal, (each) => provider.advertise(listening, each)),
    close: () => answerOf(name, 'close', endless(), Math.min(msMax, closeMsMax), () => provider.close()),
  }
}

/** What comes of the call, which ends with the signal or its time also where the provider does not heed that. */
async function answerOf<Answer> (
  name: string, method: keyof typeof answers, signal: AbortSignal, msMax: number,
  call: (signal: AbortSignal) => Promise<Answer>
): Promise<Answer> {
  signal.throwIfAborted()
  const { must, fits } = answers[method]
  let answer: Answer
  try {
    answer = await withDeadline(msMax, signal, (limited) => orAborted((async () => await call(limited))(), limited))
  } catch (error) {
    signal.throwIfAborted()
    if (isDiscoveryError(error)) throw error
    const reason = error instanceof Error ? error.message || error.name : inspect(error)
    throw new DiscoveryError('DISCOVERY_UNAVAILABLE', `discovery by ${name} has no answer to ${method}: ${reason}`, { cause: error })
  }
  if (!fits(answer)) throw unfit(name, method, answer, must)
  return answer
}

function unfit (name: string, method: string, answer: unknown, must: string): DiscoveryError {
  const text = inspect(answer, { breakLength: Infinity, maxArrayLength: 5, maxStringLength: 100 })
  return new DiscoveryError('DISCOVERY_UNAVAILABLE', `discovery by ${name} answers ${method} with ${text}, which must be ${must}`)
}

/** Of calls that nobody ends. */
function endless (): AbortSignal {
  return new AbortController().signal
}

type Unknown<Type> = Partial<Record<keyof Type, unknown>>

function isProvider (answer: unknown): boolean {
  const provider = (answer ?? {}) as Unknown<Provider>
  const { name, decidesAlone, claim, candidates, resolve, watch, publish, advertise, close, isGone = close } = provider
  return isText(name) && isBoolean(decidesAlone) &&
    [claim, candidates, resolve, isGone, watch, publish, advertise, close].every((method) => typeof method === 'function')
}

function isClaim (answer: unknown): boolean {
  const { forms, clusterId, reason } = (answer ?? {}) as Record<string, unknown>
  return forms === true || (forms === false && isIdOrNull(clusterId) && isText(reason))
}

function isCandidates (answer: unknown): boolean {
  return Array.isArray(answer) && answer.every((each: unknown) => {
    const { peerAddress, id, source } = (each ?? {}) as Record<string, unknown>
    return isAddress(peerAddress) && isIdOrNull(id) && isText(source)
  })
}

function isAdvertised (answer: unknown): boolean {
  const { peerAddress, apiAddress, reason } = (answer ?? {}) as Record<string, unknown>
  return isText(reason) && [peerAddress, apiAddress].every((address) => (
    isAddress(address) && !isEverywhere(splitAddress(address).host)))
}

function isAddress (value: unknown): value is string {
  try {
    return typeof value === 'string' && splitAddress(value).port > 0
  } catch {
    return false
  }
}

function isIdOrNull (value: unknown): boolean {
  return value === null || (typeof value === 'string' && /^[0-9a-f]{16}$/.test(value))
}

function isText (value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isBoolean (value: unknown): boolean {
  return typeof value === 'boolean'
}
