/**
 * What of an address stands for one caller: all of an IPv4 address, and of an IPv6 address the network of 64 bits, in
 * which everybody may choose among as many addresses as they like.
 */
export function addressOf (ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1]
  if (mapped !== undefined) return mapped
  if (!ip.includes(':')) return ip
  const [head = '', tail] = ip.split('::')
  const before = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':')
    while (before.length + after.length < 8) before.push('0')
    before.push(...after)
  }
  return before.slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(':')
}
