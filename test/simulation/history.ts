import type { Fate } from '../../storage/fate.ts'
import type { ReceiptText } from '../../storage/receipt.ts'
import { Violation } from './violation.ts'

export type OperationKind = 'put' | 'delete' | 'compare' | 'record' | 'read'

/** What a client asked for, and what it was told. Times count steps of the simulation. */
export interface Operation {
  /** Also its idempotency key. */
  id: string
  kind: OperationKind
  key: string
  /** For compare: the revision that the key must have; 0 for none. */
  expected: number
  called: number
  /** Infinity while it is not answered, and when it never is. */
  returned: number
  /** When it was called, some answer had shown this revision. */
  floor: number
  result: OperationResult | null
  /** Null for one that is recognised by its id; else it is by this receipt, which all attempts share. */
  queued: GivenReceipt | null
  /** Under which it was asked for, the newest last. */
  receipts: GivenReceipt[]
}

/** With which a node took a write in. */
export interface GivenReceipt {
  operation: Operation
  receipt: ReceiptText
  /** One for each attempt under it; the change has the tag of the attempt that made it. */
  tags: string[]
  /** What somebody was told, once it was certain. */
  told: Fate | null
}

/**
 * Done: a write took effect at `revision`, and (where that is known) made the key or changed it. Refused: by what
 * the key was. Rejected: for certain it never takes effect. Seen: `revision` is the key's, 0 for absent. `database`
 * is the revision of the whole database then.
 */
export type OperationResult =
  { what: 'done', revision: number, created: boolean | null, database: number } |
  { what: 'refused', database: number } |
  { what: 'rejected', database: number } |
  { what: 'seen', revision: number, database: number }

/** All that clients asked and were told. */
export class History {
  readonly operations: Operation[] = []
  /** All that were ever given. */
  readonly receipts: GivenReceipt[] = []
  /** The newest revision that any answer has shown. */
  #floor = 0

  call (id: string, kind: OperationKind, key: string, expected: number, step: number): Operation {
    const operation: Operation = {
      id,
      kind,
      key,
      expected,
      called: step,
      returned: Infinity,
      floor: this.#floor,
      result: null,
      queued: null,
      receipts: [],
    }
    this.operations.push(operation)
    return operation
  }

  /** A node takes the write in. */
  give (operation: Operation, receipt: ReceiptText): GivenReceipt {
    const given: GivenReceipt = { operation, receipt, tags: [], told: null }
    operation.receipts.push(given)
    this.receipts.push(given)
    return given
  }

  /** Another attempt under this receipt. Returns its tag. */
  tag ({ operation, tags }: GivenReceipt): string {
    const tag = `${operation.id}/${operation.receipts.length}.${tags.length + 1}`
    tags.push(tag)
    return tag
  }

  /**
   * What a receipt told may be known to a node that is behind, and shows no revision of the whole database.
   *
   * @throws Violation when the answer is older than one that was there before the question
   */
  answer (operation: Operation, result: OperationResult, step: number, byReceipt = false): void {
    operation.returned = step
    operation.result = result
    if (byReceipt && result.what !== 'done') return
    const { id, kind, floor } = operation
    const isWrite = result.what === 'done'
    const shown = isWrite ? result.revision : result.database
    if (isWrite ? shown <= floor : shown < floor) {
      throw new Violation(isWrite ? 'feed order' : 'stale read',
        `${kind} ${id} is answered with revision ${shown}, and ${floor} was known before it began`)
    }
    this.#floor = Math.max(this.#floor, shown)
  }
}

/** A receipt by the last attempt under it. */
export function describe ({ operation, tags }: GivenReceipt): string {
  return tags.at(-1) ?? operation.id
}

export function describeFate (fate: Fate): string {
  return fate.state === 'committed' ? `made at ${fate.revision}` : `rejected by ${fate.code}`
}
