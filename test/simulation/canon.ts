import type { Entry, NodeId } from '../../plugins/raft/core/index.ts'
import { Violation } from './violation.ts'

/** An entry that was committed, and what is known of that. */
export interface Committed {
  term: number
  /** Of the leader that committed it: every leader of a later term must have it. */
  leaderTerm: number
  /** Undefined for what was there before the simulation began. */
  entry: Entry | undefined
}

/** What the cluster as a whole has decided, as nobody in it knows it. */
export class Canon {
  readonly #committed = new Map<number, Committed>()
  /** The newest committed index. */
  lastIndex = 0
  /** The feed: the text of each change, by revision. */
  readonly feed: string[] = ['']
  /** The revision of what a client asked for, by the request's id. */
  readonly effects = new Map<string, number>()
  /** Of state machines, by applied index. */
  readonly checksums = new Map<number, { checksum: number, by: NodeId }>()

  committed (index: number): Committed | undefined {
    return this.#committed.get(index)
  }

  commit (index: number, committed: Committed): void {
    this.#committed.set(index, committed)
    this.lastIndex = Math.max(this.lastIndex, index)
  }

  /** A state machine has this change. */
  change (revision: number, text: string, by: string): void {
    const known = this.feed[revision]
    if (known !== undefined) {
      if (known !== text) {
        throw new Violation('feed', `${by} has ${text} as change ${revision}, and others have ${known}`)
      }
      return
    }
    if (revision !== this.feed.length) throw new Violation('feed', `${by} leaves a gap before change ${revision}`)
    this.feed.push(text)
    const request = requestOf(text)
    if (request === null) return
    const before = this.effects.get(request)
    if (before !== undefined) {
      throw new Violation('idempotency', `request ${request} took effect twice, in changes ${before} and ${revision}`)
    }
    this.effects.set(request, revision)
  }
}

/** Clients put the id of their request into the tags, so that a deletion carries it too. */
function requestOf (text: string): string | null {
  return /"tags":\["([^"]+)"/.exec(text)?.[1] ?? null
}
