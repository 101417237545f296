import type { HistoryChange } from '../support/replay.ts'

export interface LedgerWrite {
  /** What tells each of its changes from all others, in the order in which they must stand. */
  readonly marks: readonly string[]
  /** Milliseconds since 1970. */
  readonly sentAt: number
  /** The greatest revision that was acknowledged to anyone before this write was sent: it must come after that. */
  readonly after: number
  state: 'sent' | 'acknowledged' | 'refused'
  /** The revisions that the answer named, of its last changes. */
  revisions: number[]
  /** Sends the same write again, with the same idempotency key; false when there was no answer. */
  repeat: ((url: string) => Promise<boolean>) | null
}

/**
 * What clients know: which writes they sent, and which answers they got. It follows the feed and says where the feed
 * contradicts that.
 */
export class Ledger {
  /** The feed so far, as the JSON text of each change. */
  readonly history: string[] = []
  readonly counts = { acknowledged: 0, refused: 0, unknownThere: 0, unknownAbsent: 0, withKey: 0 }
  readonly #revisions = new Map<string, number>()
  readonly #known = new Set<string>()
  #open: LedgerWrite[] = []
  #acknowledged = 0

  begin (marks: string[]): LedgerWrite {
    for (const mark of marks) {
      if (this.#known.has(mark)) throw new Error(`the mark ${mark} is not unique`)
      this.#known.add(mark)
    }
    const write: LedgerWrite = { marks, sentAt: Date.now(), after: this.#acknowledged, state: 'sent', revisions: [], repeat: null }
    this.#open.push(write)
    return write
  }

  acknowledge (write: LedgerWrite, revisions: number[]): void {
    write.state = 'acknowledged'
    write.revisions = revisions
    this.#acknowledged = Math.max(this.#acknowledged, ...revisions)
  }

  refuse (write: LedgerWrite): void {
    write.state = 'refused'
  }

  /** Writes without an answer that may be sent again: those that were begun no longer ago than the milliseconds. */
  repeatable (ageMs: number): LedgerWrite[] {
    const earliest = Date.now() - ageMs
    return this.#open.filter(({ state, repeat, sentAt }) => state === 'sent' && repeat !== null && sentAt > earliest)
  }

  /** Takes the next changes of the feed. */
  follow (changes: HistoryChange[]): void {
    for (const change of changes) {
      this.history.push(JSON.stringify(change))
      if (change.revision !== this.history.length) {
        throw new Error(`the feed has ${change.revision} where ${this.history.length} was to come`)
      }
      const mark = markOf(change)
      if (!this.#known.has(mark)) throw new Error(`change ${change.revision} was never sent: ${mark}`)
      const before = this.#revisions.get(mark)
      if (before !== undefined) throw new Error(`${mark} is there twice, at ${before} and at ${change.revision}`)
      this.#revisions.set(mark, change.revision)
    }
  }

  /** Sees that a change that comes again, or for the first time, is the one of this revision. */
  compare (change: HistoryChange, revision: number): void {
    const known = this.history[revision - 1]
    if (change.revision !== revision) throw new Error(`the feed has ${change.revision} where ${revision} was to come`)
    if (known !== undefined && JSON.stringify(change) !== known) throw new Error(`change ${revision} is not what it was`)
  }

  /** Judges every write that is not judged yet. No client may be waiting for an answer, and the feed must be read. */
  settle (): void {
    for (const write of this.#open) this.#judge(write)
    this.#open = []
  }

  #judge (write: LedgerWrite): void {
    const { marks, state, after } = write
    const found = marks.map((mark) => this.#revisions.get(mark))
    const there = found.filter((revision) => revision !== undefined)
    const what = `the ${state} write ${marks.join(', ')} (found at ${found.join(', ')}, answered ${write.revisions.join(', ')})`
    if (there.length !== 0 && there.length !== marks.length) throw new Error(`a part is there of ${what}`)
    if (state === 'acknowledged' && there.length === 0) throw new Error(`lost: ${what}`)
    if (state === 'refused' && there.length > 0) throw new Error(`done although refused: ${what}`)
    there.forEach((revision, at) => {
      if (revision !== there[0]! + at) throw new Error(`not in one piece: ${what}`)
    })
    if (there.length > 0 && there[0]! <= after) throw new Error(`before ${after}, which was acknowledged earlier: ${what}`)
    const named = there.slice(there.length - write.revisions.length)
    if (there.length > 0 && named.join() !== write.revisions.join()) throw new Error(`elsewhere than answered: ${what}`)
    if (state !== 'sent') this.counts[state]++
    else if (there.length > 0) this.counts.unknownThere++
    else this.counts.unknownAbsent++
    if (write.repeat !== null && there.length > 0) this.counts.withKey++
  }
}

/** Puts carry their mark as data and deletes as a tag; names of tenants and of collections are used once. */
function markOf ({ type, tenant = '', collection = '', tags = [], data }: HistoryChange): string {
  if (type === 'put') return (data as { mark: string }).mark
  if (type === 'delete') return tags[0]!
  return `${type} ${tenant} ${collection}`
}
