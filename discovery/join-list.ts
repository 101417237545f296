import { isIP } from 'node:net'
import { joinAddress, splitAddress, type Address } from './address.ts'
import type { Names } from './names.ts'
import { DiscoveryError, type Candidate } from './provider.ts'

/** One of the texts between the commas of CHANGEWELL_JOIN. */
export interface JoinEntry {
  text: string
  host: string
  /** Null for a name whose SRV records say it, or where others usually listen. */
  port: number | null
}

/** Where nodes listen for others unless a setting says otherwise. */
export const usualPort = 9001

/**
 * Empty for an empty text alone, which is a setting that is not there.
 *
 * @throws DiscoveryError for what is neither an address nor a name, and for commas with nothing between
 */
export function readJoinList (join: string): JoinEntry[] {
  const entries = join.split(',').map((text) => text.trim()).filter((text) => text !== '').map(entryOf)
  if (join !== '' && entries.length === 0) {
    throw new DiscoveryError('DISCOVERY_SETTINGS', `CHANGEWELL_JOIN is "${join}", which names nobody. Name members as others reach them, ` +
      'with commas between, such as 10.0.0.7:9001,members.example.org:9001; or unset it to form a cluster of this node\'s own.')
  }
  return entries
}

/** What an entry stands for, as far as it could be looked up, and why the rest could not. */
export interface Found {
  candidates: Candidate[]
  missing: string[]
}

/** All that the entry stands for now: all addresses of its name, or all SRV records and their addresses. */
export async function candidatesOf (entry: JoinEntry, names: Names, signal: AbortSignal): Promise<Found> {
  try {
    const places = await placesOf(entry, names, signal)
    return together(await Promise.all(places.map((place) => addressesOf(place, entry.text, names, signal))))
  } catch (error) {
    return nothing(error, signal)
  }
}

export function together (parts: readonly Found[]): Found {
  return { candidates: parts.flatMap(({ candidates }) => candidates), missing: parts.flatMap(({ missing }) => missing) }
}

/** @throws DiscoveryError */
async function placesOf ({ host, port }: JoinEntry, names: Names, signal: AbortSignal): Promise<Address[]> {
  if (port !== null) return [{ host, port }]
  if (isIP(host) !== 0) return [{ host, port: usualPort }]
  const services = await names.services(host, signal)
  if (services.length > 0) return services
  // A name of a service, such as _changewell._tcp.example.org, is no name of a host.
  if (host.startsWith('_')) throw new DiscoveryError('DISCOVERY_UNAVAILABLE', `the name ${host} has no SRV records`)
  return [{ host, port: usualPort }]
}

/** A host that leads nowhere holds up none of the others that the same SRV records name. */
async function addressesOf ({ host, port }: Address, text: string, names: Names, signal: AbortSignal): Promise<Found> {
  try {
    const addresses = await names.addresses(host, signal)
    const source = host === addresses[0] ? 'CHANGEWELL_JOIN' : `${text} in CHANGEWELL_JOIN`
    const candidates = addresses.map((each) => ({ peerAddress: joinAddress(each, port), id: null, source }))
    return { candidates, missing: [] }
  } catch (error) {
    return nothing(error, signal)
  }
}

function nothing (error: unknown, signal: AbortSignal): Found {
  signal.throwIfAborted()
  return { candidates: [], missing: [(error as Error).message] }
}

function entryOf (text: string): JoinEntry {
  const bare = /^\[([^[\]]+)\]$/.exec(text)?.[1] ?? text
  try {
    // A port that stands for none shows whether the rest is a host.
    if (splitAddress(joinAddress(bare, 1)).host === bare) return { text, host: bare, port: null }
  } catch {}
  try {
    return { text, ...splitAddress(text) }
  } catch (cause) {
    throw new DiscoveryError('DISCOVERY_SETTINGS', `CHANGEWELL_JOIN holds ${text}, which is neither host:port nor a name. Name ` +
      'members as others reach them, with commas between, such as 10.0.0.7:9001,members.example.org:9001.', { cause })
  }
}
