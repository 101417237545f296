import { isEverywhere, joinAddress, splitAddress } from '../../discovery/address.ts'
import { DiscoveryError, type Advertised, type Listening } from '../../discovery/provider.ts'

/** What CHANGEWELL_ADVERTISE says: for peers, and after a comma for clients; each a host, or host:port. */
export interface Override {
  peer: Place | null
  api: Place | null
}

interface Place {
  host: string
  /** Null for the port on which the node listens. */
  port: number | null
}

/** @throws DiscoveryError */
export function readOverride (text: string): Override {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.length > 2) throw wrong(text, 'has more than two parts')
  const [peer, api] = parts.map((part) => part === '' ? null : placeOf(text, part))
  const nowhere = [peer, api].find((place) => place != null && isEverywhere(place.host))
  if (nowhere != null) throw wrong(text, `${nowhere.host} stands for all addresses of a machine, and leads nobody to this one`)
  return { peer: peer ?? null, api: api ?? null }
}

/** What is told instead of what was worked out; `found` is needed only where nothing is said for peers. */
export function overridden ({ peer, api }: Override, listening: Listening, found: Advertised | null): Advertised {
  return {
    peerAddress: peer === null ? found!.peerAddress : joinAddress(peer.host, peer.port ?? listening.peer.port),
    apiAddress: api === null ? clientsAt(peer!.host, listening) : joinAddress(api.host, api.port ?? listening.api.port),
    reason: 'CHANGEWELL_ADVERTISE says so',
  }
}

/** Where nothing is said for clients: where the node listens to them, on the peers' host where that is everywhere. */
function clientsAt (peerHost: string, { api: { host, port } }: Listening): string {
  return joinAddress(isEverywhere(host) ? peerHost : host, port)
}

function placeOf (text: string, part: string): Place {
  const bare = /^\[([^[\]]+)\]$/.exec(part)?.[1] ?? part
  try {
    // A port that stands for none shows whether the rest is a host.
    if (splitAddress(joinAddress(bare, 1)).host === bare) return { host: bare, port: null }
  } catch {}
  try {
    return splitAddress(part)
  } catch (error) {
    throw wrong(text, (error as Error).message, error)
  }
}

function wrong (text: string, reason: string, cause?: unknown): DiscoveryError {
  return new DiscoveryError('DISCOVERY_SETTINGS', `CHANGEWELL_ADVERTISE is ${text}: ${reason}. It must be where others reach ` +
    'this node, as host:port for other nodes, and after a comma for clients, such as 10.0.0.7:9001,10.0.0.7:9000.', { cause })
}
