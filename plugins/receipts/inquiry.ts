import type { FastifyInstance } from 'fastify'
import type { Fate } from '../../storage/fate.ts'
import { Problem } from '../../storage/problem.ts'
import type { ReceiptText } from '../../storage/receipt.ts'
import { readReceipt } from '../../storage/receipts.ts'

/** Learns what became of writes: from this node's database, and where that does not tell, from the cluster. */
export class Inquiry {
  readonly #database: FastifyInstance['database']
  readonly #raft: FastifyInstance['raft']
  /** One for all that ask meanwhile. */
  #passing: Promise<unknown> | null = null

  constructor ({ database, raft }: Pick<FastifyInstance, 'database' | 'raft'>) {
    this.#database = database
    this.#raft = raft
  }

  /**
   * What became of the write; null when nobody can tell yet.
   *
   * @throws Problem RECEIPT_GONE
   */
  async ask (receipt: ReceiptText): Promise<Fate | null> {
    const known = await readReceipt(this.#database, receipt)
    if (known !== null) return known
    try {
      await this.#raft.readBarrier()
      const found = await readReceipt(this.#database, receipt)
      if (found !== null || this.#raft.receipts.clock <= receipt.deadline) return found
      await this.#passTime()
    } catch (error) {
      // Without a leader the cluster itself does not know.
      if (isPassing(error)) return null
      throw error
    }
    return readReceipt(this.#database, receipt)
  }

  /**
   * The database's clock goes with the commands that are applied. Where none come, one that does nothing else brings it
   * to the leader's clock.
   */
  #passTime (): Promise<unknown> {
    this.#passing ??= this.#raft.propose({ kind: 'expire' }).finally(() => { this.#passing = null })
    return this.#passing
  }
}

const passing: readonly string[] = ['NO_LEADER', 'WRITE_TIMEOUT', 'OUTCOME_UNKNOWN', 'TOO_MUCH_UNCOMMITTED', 'DRAINING']

function isPassing (error: unknown): boolean {
  return error instanceof Problem && passing.includes(error.code)
}
