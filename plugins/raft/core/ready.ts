import type { Message } from './messages.ts'
import type { Entry, EntryId, HardState, ReadState, Snapshot, SoftState } from './types.ts'

/**
 * What the driver has to do, in any order but for this: `responses` wait until `hardState`, `entries` and `snapshot`
 * are durable; each kind of work is done in the order of the Readys that brought it; and a `snapshot` takes the place
 * of the state machine once that has applied all that it was given before.
 */
export interface Ready {
  /** Who leads and what this node is, when that has changed. */
  softState: SoftState | null
  /** To be made durable, when it has changed. */
  hardState: HardState | null
  /** Term, vote or entries are new: nothing in `responses` may be sent before an fdatasync. */
  mustSync: boolean
  /** To be made durable, in the place of all that the log holds from the first one's index on. */
  entries: readonly Entry[]
  /** To be made durable, in the place of the whole log and the state machine. */
  snapshot: Snapshot | null
  /** To be sent. */
  messages: readonly Message[]
  /** To be sent, and those to this node itself to be stepped, once all of the above is durable. */
  responses: readonly Message[]
  /** To be given to `Core.persisted` then, if there was anything to persist or to answer. */
  receipt: PersistReceipt | null
  /** To be applied in order, and then given to `Core.applied`. */
  committed: readonly Entry[]
  /** Reads that may be served once their index is applied. */
  reads: readonly ReadState[]
  /** Contexts of reads that this node asked for as leader, and leads no longer: they are to be asked again. */
  lostReads: readonly string[]
}

/** What will be durable, and in which term that was asked for: since then it may have been replaced. */
export interface PersistReceipt {
  term: number
  last: EntryId | null
  snapshot: Snapshot | null
}
