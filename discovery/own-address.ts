import { createSocket } from 'node:dgram'
import { BlockList, isIPv6 } from 'node:net'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'

/** An address of this machine, and why it is that one. */
export interface OwnAddress {
  host: string
  reason: string
}

type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** What a machine gives to itself: it leads nowhere without the name of an interface (RFC 3927, RFC 4291). */
const linkLocal = new BlockList()
linkLocal.addSubnet('169.254.0.0', 16)
linkLocal.addSubnet('fe80::', 10, 'ipv6')

/** Bridges and tunnels that programs make on a machine, and which others do not see. */
const inside = /^(docker|br-|veth|virbr|vmnet|vboxnet|lxc|lxd|cni|flannel|cali|podman|nerdctl|kube|dummy|tap)/

/** Any address in the world stands for the default route; nothing is sent there (RFC 5737, RFC 3849). */
const anywhere = ['203.0.113.1', '2001:db8::1']

export function isLoopback (address: string): boolean {
  return loopback.check(address, familyOf(address))
}

/** The address from which this machine would speak to that one. Nothing is sent. Null where no route leads there. */
export async function localTowards (address: string): Promise<string | null> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  try {
    return await new Promise<string>((resolve, reject) => {
      socket.once('error', reject)
      // Port 9 discards; to connect a UDP socket asks the system for the route and nobody else.
      socket.connect(9, address, () => resolve(socket.address().address))
    })
  } catch {
    return null
  } finally {
    socket.close()
  }
}

/** This machine's address on the way to the first of those that has a way and is not this machine alone. */
export async function addressTowards (addresses: readonly string[]): Promise<OwnAddress | null> {
  let own: OwnAddress | null = null
  for (const address of addresses) {
    const host = await localTowards(address)
    if (host === null) continue
    const found = { host, reason: `the way to ${address} begins there` }
    if (!isLoopback(host)) return found
    own ??= found
  }
  return own
}

/**
 * The addresses of this machine that others may reach, the likeliest first: those of the default route, then those of
 * interfaces that are no bridges of the machine's own, IPv4 before IPv6.
 */
export async function rankedAddresses (
  families: readonly ('IPv4' | 'IPv6')[], interfaces: Interfaces = networkInterfaces()
): Promise<OwnAddress[]> {
  const routed = await Promise.all(anywhere.map(localTowards))
  const found = Object.entries(interfaces).flatMap(([name, infos]) => (infos ?? []).map((info) => ({ name, ...info })))
    .filter(({ address, family, internal }) => (
      !internal && families.includes(family) && !isLoopback(address) && !linkLocal.check(address, familyOf(address))))
  const rank = ({ name, address, family }: { name: string, address: string, family: string }): number => (
    (routed.includes(address) ? 0 : 4) + (inside.test(name) ? 2 : 0) + (family === 'IPv4' ? 0 : 1))
  return found.sort((a, b) => rank(a) - rank(b)).map(({ name, address }) => ({
    host: address,
    reason: routed.includes(address)
      ? `${name} has it, through which the default route goes`
      : `${name} has it, and no default route says more`,
  }))
}

function familyOf (address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4'
}
