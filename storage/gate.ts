import { Problem } from './problem.ts'
import type { Batch, Family, Range, Row, RowKey, ScanOptions, Store, View } from './store.ts'

/**
 * A store that can be shut to readers: what is in it is being replaced, and a mixture of both is nobody's truth. A read
 * that was under way when it was shut is refused as well, even if the store has been opened again meanwhile. A view is
 * of one moment and stays good.
 */
export class GatedStore implements Store {
  /** Reads and writes whatever the gate says. */
  readonly inner: Store
  readonly #reason: string
  #isShut = false
  #timesShut = 0

  constructor (inner: Store, reason: string) {
    this.inner = inner
    this.#reason = reason
  }

  /** From now on reads reject with a Problem NOT_READY. */
  shut (): void {
    this.#isShut = true
    this.#timesShut++
  }

  open (): void {
    this.#isShut = false
  }

  async get (family: Family, key: Buffer): Promise<Buffer | null> {
    const entered = this.#enter()
    const value = await this.inner.get(family, key)
    this.#assertUnshut(entered)
    return value
  }

  async getMany (rows: RowKey[]): Promise<Array<Buffer | null>> {
    const entered = this.#enter()
    const values = await this.inner.getMany(rows)
    this.#assertUnshut(entered)
    return values
  }

  async * scan (family: Family, range: Range, options?: ScanOptions): AsyncGenerator<Row> {
    for await (const rows of this.pieces(family, range, options)) yield * rows
  }

  async * pieces (family: Family, range: Range, options?: ScanOptions): AsyncGenerator<Row[]> {
    const entered = this.#enter()
    for await (const rows of this.inner.pieces(family, range, options)) {
      this.#assertUnshut(entered)
      yield rows
    }
    this.#assertUnshut(entered)
  }

  async view (): Promise<View> {
    const entered = this.#enter()
    const view = await this.inner.view()
    try {
      this.#assertUnshut(entered)
    } catch (error) {
      await view.release()
      throw error
    }
    return view
  }

  batch (): Batch {
    return this.inner.batch()
  }

  flush (): Promise<void> {
    return this.inner.flush()
  }

  close (): Promise<void> {
    return this.inner.close()
  }

  /** How often the gate had been shut when the read began. */
  #enter (): number {
    if (this.#isShut) throw new Problem('NOT_READY', { reason: this.#reason })
    return this.#timesShut
  }

  #assertUnshut (entered: number): void {
    if (this.#timesShut !== entered) throw new Problem('NOT_READY', { reason: this.#reason })
  }
}
