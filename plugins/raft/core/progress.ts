import { Inflights } from './inflights.ts'

/**
 * Probe: where the logs meet is not known, so one append at a time asks. Replicate: it is known, so appends are sent
 * without waiting, up to the window. Snapshot: the follower needs what the log no longer holds; nothing is sent until
 * it has it.
 */
export type ProgressState = 'probe' | 'replicate' | 'snapshot'

export interface FlowLimits {
  inflightMessagesMax: number
  inflightBytesMax: number
}

export interface ProgressStart {
  match: number
  next: number
  learner: boolean
  recentlyActive: boolean
}

/** What the leader knows of one member's log, and how much it may send it. Invariant: `match < next`. */
export class Progress {
  state: ProgressState = 'probe'
  /** The member holds the leader's log up to here, durably. */
  match: number
  /** The next append begins here. */
  next: number
  learner: boolean
  /** Heard of since the last check of the quorum. */
  recentlyActive: boolean
  /** A probe, or what fills the window, is on its way: nothing more is sent until an answer or a heartbeat's. */
  paused = false
  /** In state snapshot: the index of the one that was sent. */
  pendingSnapshot = 0
  readonly inflights: Inflights
  /** The newest commit index that was sent and may have arrived. */
  #sentCommit = 0

  constructor ({ match, next, learner, recentlyActive }: ProgressStart, limits: FlowLimits) {
    this.match = match
    this.next = next
    this.learner = learner
    this.recentlyActive = recentlyActive
    this.inflights = new Inflights(limits.inflightMessagesMax, limits.inflightBytesMax)
  }

  get blocked (): boolean {
    return this.state === 'snapshot' || this.paused
  }

  becomeProbe (): void {
    // A snapshot that arrived is the best guess for where the logs meet.
    const next = this.state === 'snapshot' ? Math.max(this.match, this.pendingSnapshot) + 1 : this.match + 1
    this.#enter('probe', next)
    this.#sentCommit = Math.min(this.#sentCommit, next - 1)
  }

  becomeReplicate (): void {
    this.#enter('replicate', this.match + 1)
  }

  becomeSnapshot (index: number): void {
    this.#enter('snapshot', index + 1)
    this.pendingSnapshot = index
    this.#sentCommit = index
  }

  /** An append was sent with so many entries, of so many bytes. */
  sent (entries: number, bytes: number): void {
    if (this.state === 'replicate') {
      if (entries > 0) {
        this.next += entries
        this.inflights.add(this.next - 1, bytes)
      }
      this.paused = this.inflights.full
    } else if (entries > 0) {
      this.paused = true
    }
  }

  sentCommit (commit: number): void {
    this.#sentCommit = commit
  }

  /** Whether telling the member of this commit index might let it commit more than it can by what was sent. */
  wouldAdvance (commit: number): boolean {
    return commit > this.#sentCommit && this.#sentCommit < this.next - 1
  }

  /** An append up to `index` was accepted. False when that was known. */
  accepted (index: number): boolean {
    if (index <= this.match) return false
    this.match = index
    this.next = Math.max(this.next, index + 1)
    this.paused = false
    return true
  }

  /**
   * The append after `rejected` was not accepted, and `hint` is where to try next. False when the answer is stale: one
   * to an earlier append, which messages that overtake each other bring.
   */
  rejected (rejected: number, hint: number): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false
      this.next = this.match + 1
    } else {
      if (this.next - 1 !== rejected) return false
      this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1)
      this.paused = false
    }
    this.#sentCommit = Math.min(this.#sentCommit, this.next - 1)
    return true
  }

  #enter (state: ProgressState, next: number): void {
    this.state = state
    this.next = next
    this.paused = false
    this.pendingSnapshot = 0
    this.inflights.clear()
  }
}
