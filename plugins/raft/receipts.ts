import { randomFillSync } from 'node:crypto'
import type { Database } from '../../storage/database.ts'
import { encodeReceipt, receiptIdBytes, type ReceiptText } from '../../storage/receipt.ts'
import type { Receipt } from '../../storage/types.ts'

export interface ReceiptsOptions {
  database: Pick<Database, 'clusterId' | 'timestamp' | 'applied'>
  /** So long after a write's deadline its outcome can be asked for. */
  keptSeconds: number
}

/** A receipt, and what a client needs beside what is in the command to ask with it. */
export interface GivenReceipt extends Receipt {
  after: number
}

/** Until a node has joined one it gives receipts to nobody. */
const noCluster = '0000000000000000'

/** Asking the system for chance takes longer than all else about a receipt, so many are made of one question. */
const poolBytes = 4096

/** Gives receipts to the writes that this node takes, with deadlines by the leader's clock as far as it is known. */
export class Receipts {
  readonly #options: ReceiptsOptions
  #pool = Buffer.alloc(0)
  /** So far a leader's clock was ahead of this node's when they last differed by much. Milliseconds. */
  #leaderAheadMs = 0

  constructor (options: ReceiptsOptions) {
    this.#options = options
  }

  /** The time that a leader would put into a command now, as far as this node knows. Milliseconds since 1970. */
  get clock (): number {
    return Math.max(Date.now() + this.#leaderAheadMs, this.#options.database.timestamp)
  }

  /** A leader refused a write because of its clock, which this was. */
  heardClock (now: number): void {
    this.#leaderAheadMs = Math.max(0, now - Date.now())
  }

  /** For a write that is to be decided within so many milliseconds. */
  give (withinMs: number, isRepeated = false): GivenReceipt {
    const { database, keptSeconds } = this.#options
    const deadline = this.clock + withinMs
    const keptUntil = deadline + keptSeconds * 1000
    return { id: this.#id(), deadline, keptUntil, isRepeated, after: database.applied.index }
  }

  textOf (receipt: GivenReceipt): string {
    const whole: ReceiptText = { ...receipt, clusterId: this.#options.database.clusterId ?? noCluster }
    return encodeReceipt(whole)
  }

  #id (): Buffer {
    if (this.#pool.length < receiptIdBytes) this.#pool = randomFillSync(Buffer.allocUnsafeSlow(poolBytes))
    const id = this.#pool.subarray(0, receiptIdBytes)
    this.#pool = this.#pool.subarray(receiptIdBytes)
    return id
  }
}
