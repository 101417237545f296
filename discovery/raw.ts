import { isIP, isIPv6 } from 'node:net'
import { isEverywhere, joinAddress, splitAddress } from './address.ts'
import { candidatesOf, readJoinList, together } from './join-list.ts'
import { inLine, Names, type NameSystem } from './names.ts'
import { addressTowards, isLoopback, rankedAddresses, type OwnAddress } from './own-address.ts'
import {
  DiscoveryError, type Advertised, type Candidate, type Claim, type Listening, type Provider, type ProviderContext,
} from './provider.ts'

export interface RawSettings {
  /** CHANGEWELL_JOIN. */
  join: string
}

/**
 * A place that knows nothing: whom to ask to join is a setting, with names that DNS knows, and whoever is given none
 * forms a cluster. This node's address comes from the machine's interfaces and routes.
 */
export default async function openRaw (
  { settings, logger }: ProviderContext<RawSettings>, system?: NameSystem
): Promise<Provider> {
  const entries = readJoinList(settings.join)
  const names = system === undefined ? inLine : new Names(system)
  let told = ''

  return {
    name: 'raw',
    decidesAlone: true,

    async claim (_proposed, signal): Promise<Claim> {
      signal.throwIfAborted()
      if (entries.length === 0) return { forms: true }
      return { forms: false, clusterId: null, reason: `it is told to join the cluster at ${textOf(entries)}` }
    },

    candidates,

    async resolve (_id, signal) {
      signal.throwIfAborted()
      return null
    },

    watch: () => () => {},

    async publish (_self, signal) {
      signal.throwIfAborted()
    },

    async advertise ({ peer, api, members }: Listening, signal): Promise<Advertised> {
      const { host, reason } = await ownHost(peer.host, await towards(members, signal))
      return {
        peerAddress: joinAddress(host, peer.port),
        apiAddress: joinAddress(isEverywhere(api.host) ? host : api.host, api.port),
        reason,
      }
    },

    async close () {},
  }

  async function candidates (signal: AbortSignal): Promise<Candidate[]> {
    const all = together(await Promise.all(entries.map((entry) => candidatesOf(entry, names, signal))))
    signal.throwIfAborted()
    const found = all.candidates
    const missing = all.missing.join('; ')
    if (missing !== '' && found.length === 0) throw new DiscoveryError('DISCOVERY_UNAVAILABLE', `${missing} (CHANGEWELL_JOIN)`)
    if (missing !== told && missing !== '') logger.warn({ missing }, `a part of CHANGEWELL_JOIN leads nowhere: ${missing}`)
    told = missing
    return [...new Map(found.map((candidate) => [candidate.peerAddress, candidate])).values()]
  }

  /** The addresses of other nodes, to find the way to them. */
  async function towards (members: readonly string[], signal: AbortSignal): Promise<string[]> {
    const hosts = members.map((address) => splitAddress(address).host)
    const known = hosts.filter((host) => isIP(host) !== 0)
    try {
      return [...known, ...(await candidates(signal)).map(({ peerAddress }) => splitAddress(peerAddress).host)]
    } catch (error) {
      signal.throwIfAborted()
      // A member that comes back has others to go by; who is new must know the way.
      if (hosts.length > 0) return known
      const reason = `the way to those that it is to join is not known: ${(error as Error).message}`
      throw new DiscoveryError('DISCOVERY_UNAVAILABLE', reason, { cause: error })
    }
  }
}

/** The host that others are told, for a node that listens there. */
async function ownHost (listens: string, others: readonly string[]): Promise<OwnAddress> {
  const far = others.find((address) => !isLoopback(address))
  if (!isEverywhere(listens)) {
    if (isLoopback(listens) && far !== undefined) {
      throw new DiscoveryError('DISCOVERY_SETTINGS', `this node listens for others at ${listens}, where only its own machine reaches ` +
        `it, and is to join ${far}. Set CHANGEWELL_PEER_HOST to an address of this machine that the others reach, or to ` +
        '0.0.0.0 for all.')
    }
    return { host: listens, reason: 'it listens there and nowhere else' }
  }
  const families: ('IPv4' | 'IPv6')[] = listens === '::' ? ['IPv4', 'IPv6'] : ['IPv4']
  const reachable = others.filter((address) => families.includes(isIPv6(address) ? 'IPv6' : 'IPv4'))
  const found = await addressTowards(reachable) ?? (await rankedAddresses(families))[0]
  if (found !== undefined) return found
  return { host: '127.0.0.1', reason: 'this machine has no other address, and only nodes on it can reach this one' }
}

function textOf (entries: readonly { text: string }[]): string {
  return entries.map(({ text }) => text).join(', ')
}
