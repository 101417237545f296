import fc from 'fast-check'
import { texts } from './nasty.ts'

/** What is there to be named, as `stock` made it, and names for what is not there yet. */
const names: Record<string, string[]> = {
  tenant: ['coke', 'coke', 'coke', 'coke/eu', '1', 'pepsi'],
  parent: ['coke', '1'],
  collection: ['settings', 'settings', 'settings', 'a/b'],
  key: ['k', 'k', 'a/b', 'ключ'],
  revision: ['1', '2'],
  tags: ['a', 'red'],
  tag: ['a', 'red'],
  since: ['0', '1', 'now'],
  name: ['coke', 'coke/eu', 'cola', 'fanta', 'settings', 'new'],
}

/** The values that suit a field of the name. */
export function known (name: string): string[] {
  return Object.hasOwn(names, name) ? names[name]! : ['a']
}

/** Texts that suit no field, or only by chance. */
export const oddText = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...texts) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constant('x'.repeat(0x10001)) }
)

/** Half of a surrogate pair cannot be encoded, and goes out as the character for what is none. */
export function encode (value: string): string {
  return encodeURIComponent(value.replace(/\p{Surrogate}/gu, '\ufffd'))
}
