import { BlockList, isIP, isIPv6 } from 'node:net'

/** Addresses of nodes, as texts: host:port, with an IPv6 host in brackets. */

const everywhere = new BlockList()
everywhere.addAddress('0.0.0.0')
everywhere.addAddress('::', 'ipv6')

export interface Address {
  host: string
  port: number
}

/**
 * The host comes without brackets, as `net.connect` takes it.
 *
 * @throws RangeError for a text that is no address which can be dialled
 */
export function splitAddress (address: string): Address {
  const match = /^(?:\[([^[\]]+)\]|([^\s:/?#@[\]]+)):(\d{1,5})$/.exec(address)
  const port = Number(match?.[3])
  const isAddress = match !== null && port > 0 && port <= 65535 && (match[1] === undefined || isIPv6(match[1]))
  if (!isAddress) throw new RangeError(`${address} is no address: it must be host:port, or [host]:port for IPv6`)
  return { host: match[1] ?? match[2]!, port }
}

export function joinAddress (host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether that is no address of its own, but stands for all that the machine has, however it is written. */
export function isEverywhere (host: string): boolean {
  return isIP(host) !== 0 && everywhere.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}
