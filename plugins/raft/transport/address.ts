export { joinAddress, splitAddress, type Address } from '../../../discovery/address.ts'
