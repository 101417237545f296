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
}

/**
 * Done: a write took effect at `revision`, and (where that is known) made the key or changed it. Refused: by what the
 * key was. Seen: `revision` is the key's, 0 for absent. `database` is the revision of the whole database then.
 */
export type OperationResult =
  { what: 'done', revision: number, created: boolean | null, database: number } |
  { what: 'refused', database: number } |
  { what: 'seen', revision: number, database: number }

/** All that clients asked and were told. */
export class History {
  readonly operations: Operation[] = []
  /** The newest revision that any answer has shown. */
  #floor = 0

  call (id: string, kind: OperationKind, key: string, expected: number, step: number): Operation {
    const operation: Operation = {
      id, kind, key, expected, called: step, returned: Infinity, floor: this.#floor, result: null,
    }
    this.operations.push(operation)
    return operation
  }

  /** @throws Violation when the answer is older than one that was there before the question */
  answer (operation: Operation, result: OperationResult, step: number): void {
    operation.returned = step
    operation.result = result
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
