import fc from 'fast-check'
import { families, type Family, type Range } from '../../../storage/store.ts'

export type StoreOperation =
  { type: 'put', family: Family, key: Buffer, value: Buffer } |
  { type: 'delete', family: Family, key: Buffer } |
  { type: 'deleteRange', family: Family, range: Range }

/** A batch, or something that must change nothing. */
export type Step = StoreOperation[] | 'flush' | 'reopen'

const family = fc.constantFrom(...families.slice(0, 3))
const key = fc.uint8Array({ minLength: 1, maxLength: 2, max: 5 }).map((bytes) => Buffer.from(bytes))
const value = fc.integer({ min: 0, max: 99 }).map((number) => Buffer.from(String(number)))
const range = fc.tuple(key, key).map((keys) => {
  const [start, end] = keys.sort(Buffer.compare) as [Buffer, Buffer]
  return { start, end }
})

const operation: fc.Arbitrary<StoreOperation> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('put' as const), family, key, value }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('delete' as const), family, key }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('deleteRange' as const), family, range }) }
)

/** A store in the plainest form: a list of rows for each family. */
export class StoreModel {
  static readonly steps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
    { weight: 8, arbitrary: fc.array(operation, { minLength: 1, maxLength: 8 }) },
    { weight: 1, arbitrary: fc.constantFrom('flush' as const, 'reopen' as const) }
  ), { maxLength: 20 })

  readonly #rows = new Map<Family, Map<string, string>>(families.map((family) => [family, new Map()]))

  write (operations: StoreOperation[]): void {
    for (const operation of operations) {
      const rows = this.#rows.get(operation.family)!
      if (operation.type === 'put') rows.set(latin1(operation.key), latin1(operation.value))
      else if (operation.type === 'delete') rows.delete(latin1(operation.key))
      else {
        const { start, end } = operation.range
        for (const key of rows.keys()) if (key >= latin1(start) && key < latin1(end)) rows.delete(key)
      }
    }
  }

  /** In order, each as `key=value`. */
  rows (family: Family): string[] {
    return [...this.#rows.get(family)!].sort(([a], [b]) => a < b ? -1 : 1).map(([key, value]) => `${key}=${value}`)
  }
}

/** One character a byte, so that texts compare as their bytes do. */
function latin1 (bytes: Buffer): string {
  return bytes.toString('latin1')
}
