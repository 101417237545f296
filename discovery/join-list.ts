import { joinAddress, splitAddress } from './address.ts'
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

/** @throws DiscoveryError for what is neither an address nor a name */
export function readJoinList (join: string): JoinEntry[] {
  return join.split(',').map((text) => text.trim()).filter((text) => text !== '').map(entryOf)
}

/**
 * All that the entry stands for now: all addresses of its name, or all SRV records and their addresses.
 *
 * @throws DiscoveryError
 */
export async function candidatesOf (entry: JoinEntry, names: Names, signal: AbortSignal): Promise<Candidate[]> {
  const { text, host, port } = entry
  const at = async (name: string, itsPort: number): Promise<Candidate[]> => {
    const addresses = await names.addresses(name, signal)
    const source = name === addresses[0] ? 'CHANGEWELL_JOIN' : `${text} in CHANGEWELL_JOIN`
    return addresses.map((address) => ({ peerAddress: joinAddress(address, itsPort), id: null, source }))
  }
  if (port !== null) return await at(host, port)
  const services = await names.services(host, signal)
  if (services.length > 0) return (await Promise.all(services.map((each) => at(each.host, each.port)))).flat()
  // A name of a service, such as _changewell._tcp.example.org, is no name of a host.
  if (host.startsWith('_')) throw new DiscoveryError('DISCOVERY_UNAVAILABLE', `the name ${host} has no SRV records`)
  return await at(host, usualPort)
}

function entryOf (text: string): JoinEntry {
  const bare = /^\[([0-9a-f:.]+)\]$/i.exec(text)?.[1] ?? text
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
