import { splitAddress } from '../../../discovery/address.ts'

export { joinAddress, splitAddress, type Address } from '../../../discovery/address.ts'

/** The host of an address, without brackets; null where there is no address that can be dialled. */
export function hostOf (address: string | null): string | null {
  try {
    return address === null ? null : splitAddress(address).host
  } catch {
    return null
  }
}
