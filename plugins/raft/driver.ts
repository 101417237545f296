import type {
  Configuration, Core, Entry, HardState, Message, ProposalRefusal, ProposedEntry, Ready, Snapshot, SoftState,
} from './core/index.ts'
import { entryTypes } from './core/index.ts'

/** What a Ready asks to be made durable, all of it or none. */
export interface PersistRequest {
  hardState: HardState | null
  entries: readonly Entry[]
  /** Whose bytes have arrived: they take the place of log and state machine, once all applies asked for are done. */
  snapshot: Snapshot | null
  /** An fdatasync must follow. Without it only the commit index is new, and may be lost. */
  mustSync: boolean
}

/** Committed entries, and the configuration that is in force after the last of them when that is a change of it. */
export interface ApplyRequest {
  entries: readonly Entry[]
  configuration: Configuration | null
}

/** All that a driver does to the world. Nothing here may call back before it returns. */
export interface DriverIo<Outcome> {
  /** Calls `done` once the request is durable, in the order of requests. */
  persist (request: PersistRequest, done: () => void): void
  send (message: Message): void
  /** Calls `done` with what became of each entry, in the order of requests. */
  apply (request: ApplyRequest, done: (outcomes: readonly Outcome[]) => void): void
  /** The state machine may be read. */
  read (context: string): void
  /** The read is to be asked again. */
  readLost (context: string): void
  softState (state: SoftState): void
}

/**
 * Applied: what the state machine says. Lost: another entry was committed in its place, so it never will be. Refused:
 * nothing was done. Unknown: a snapshot came that covers its place; the state machine knows.
 */
export type ProposalOutcome<Outcome> =
  { result: 'applied', outcome: Outcome, index: number } |
  { result: 'lost' } |
  { result: 'refused', reason: ProposalRefusal } |
  { result: 'unknown' }

type Answer<Outcome> = (outcome: ProposalOutcome<Outcome>) => void

export interface DriverOptions {
  /** A write that takes the disk more ticks makes a leader step down; until it is done this node does not campaign. */
  diskTicksMax: number
}

/**
 * Turns the core's wishes into work, in the right order, and tells who proposed what became of it. It knows no files,
 * sockets or promises: those are behind `DriverIo`, so the simulator runs this very code.
 */
export class Driver<Outcome> {
  readonly core: Core
  readonly #io: DriverIo<Outcome>
  #diskTicksMax: number
  #queue: (ProposedEntry & { answer: Answer<Outcome>, appended: (() => void) | undefined })[] = []
  /** By index. Of several terms, if this node led, lost its entries and led again. */
  readonly #waiting = new Map<number, { term: number, answer: Answer<Outcome> }[]>()
  /** Reads whose index is not applied yet. */
  #reads: { context: string, index: number }[] = []
  #ticks = 0
  /** The newest that the disk was asked to keep. */
  #term: number
  /** When each persist that is under way began, in ticks. */
  readonly #persisting: number[] = []
  /** Of these, how many make a new term durable: what was said meanwhile waits for them. */
  #newTerms = 0
  #held: Message[] = []

  constructor (core: Core, io: DriverIo<Outcome>, options: DriverOptions) {
    this.core = core
    this.#io = io
    this.#diskTicksMax = options.diskTicksMax
    this.#term = core.status.term
  }

  /** The disk has not answered for too long: this node cannot promise anything. */
  get diskHangs (): boolean {
    const oldest = this.#persisting[0]
    return oldest !== undefined && this.#ticks - oldest > this.#diskTicksMax
  }

  /** A tick may become shorter or longer while it runs. */
  setDiskTicks (max: number): void {
    this.#diskTicksMax = max
  }

  tick (): void {
    this.#ticks++
    if (this.diskHangs) this.core.stepDown()
    else this.core.tick()
  }

  /**
   * Proposes an entry, a command unless `type` says otherwise, with whatever else waits for the next turn. `answer` is
   * called once, and perhaps never; `appended` before it, when the entry has a place in this leader's log.
   */
  propose (data: Buffer, answer: Answer<Outcome>, type: number = entryTypes.command, appended?: () => void): void {
    this.#queue.push({ type, data, answer, appended })
  }

  /** Does all that there is to do. To be called after anything else was: often enough, but once for many calls. */
  turn (): void {
    this.#proposeQueue()
    while (this.core.hasReady) this.#do(this.core.ready())
  }

  #proposeQueue (): void {
    if (this.#queue.length === 0) return
    const queue = this.#queue
    this.#queue = []
    const proposed = this.core.propose(queue.map(({ type, data }) => ({ type, data })))
    for (let at = 0; at < queue.length; at++) {
      const { answer, appended } = queue[at]!
      if (proposed.result === 'appended') {
        this.#expect(proposed.index + at, proposed.term, answer)
        appended?.()
      } else if (proposed.result === 'refused') answer(proposed)
    }
  }

  #expect (index: number, term: number, answer: Answer<Outcome>): void {
    const others = this.#waiting.get(index)
    if (others === undefined) this.#waiting.set(index, [{ term, answer }])
    else others.push({ term, answer })
  }

  #do (ready: Ready): void {
    const { softState, committed, reads, lostReads } = ready
    if (softState !== null) this.#io.softState(softState)
    this.#persist(ready)
    this.#apply(committed)
    for (const context of lostReads) this.#io.readLost(context)
    this.#reads.push(...reads)
    this.#serveReads()
  }

  /** A new term is durable before anybody hears of it; all but `responses` is sent while the disk writes. */
  #persist ({ hardState, entries, snapshot, mustSync, messages, responses, receipt }: Ready): void {
    const newTerm = hardState !== null && hardState.term !== this.#term
    if (newTerm) {
      this.#term = hardState.term
      this.#newTerms++
    }
    this.#held.push(...messages)
    this.#sendHeld()
    if (hardState === null && entries.length === 0 && snapshot === null && responses.length === 0) return
    this.#persisting.push(this.#ticks)
    const written = this.#durableCommit(hardState)
    const request = { hardState: written, entries, snapshot, mustSync: mustSync || snapshot !== null }
    this.#io.persist(request, () => {
      this.#persisting.shift()
      if (newTerm) this.#newTerms--
      this.#sendHeld()
      this.#sendAll(responses)
      if (receipt !== null) this.core.persisted(receipt)
      if (snapshot !== null) this.#restored(snapshot.index)
    })
  }

  /**
   * A commit index must not be on the disk before the entries that it speaks of: a write that is torn between the two
   * would make what these entries were to replace count as committed.
   */
  #durableCommit (hardState: HardState | null): HardState | null {
    if (hardState === null) return null
    return { ...hardState, commit: Math.min(hardState.commit, this.core.durableIndex) }
  }

  #sendHeld (): void {
    if (this.#newTerms > 0 || this.#held.length === 0) return
    const messages = this.#held
    this.#held = []
    this.#sendAll(messages)
  }

  /** What is for this node itself is an answer that waited for its own disk. */
  #sendAll (messages: readonly Message[]): void {
    const { id } = this.core
    for (const message of messages) {
      if (message.to === id) this.core.step(message)
      else this.#io.send(message)
    }
  }

  /** Each change of the configuration ends a request: what follows it is applied under the new one. */
  #apply (committed: readonly Entry[]): void {
    for (let from = 0; from < committed.length;) {
      const change = committed.findIndex(({ type }, at) => at >= from && type === entryTypes.configuration)
      const to = change === -1 ? committed.length : change + 1
      const entries = committed.slice(from, to)
      const configuration = change === -1 ? null : this.core.applyConfiguration(committed[change]!)
      this.#io.apply({ entries, configuration }, (outcomes) => { this.#applied(entries, outcomes) })
      from = to
    }
  }

  #applied (entries: readonly Entry[], outcomes: readonly Outcome[]): void {
    this.core.applied(entries)
    if (this.#waiting.size > 0) {
      for (let at = 0; at < entries.length; at++) {
        const { index, term } = entries[at]!
        const waiting = this.#waiting.get(index)
        if (waiting === undefined) continue
        this.#waiting.delete(index)
        for (const { term: proposedIn, answer } of waiting) {
          answer(proposedIn === term ? { result: 'applied', outcome: outcomes[at]!, index } : { result: 'lost' })
        }
      }
    }
    this.#serveReads()
  }

  #restored (snapshotIndex: number): void {
    for (const [index, waiting] of this.#waiting) {
      if (index > snapshotIndex) continue
      this.#waiting.delete(index)
      for (const { answer } of waiting) answer({ result: 'unknown' })
    }
    this.#serveReads()
  }

  #serveReads (): void {
    if (this.#reads.length === 0) return
    const applied = this.core.appliedIndex
    this.#reads = this.#reads.filter(({ context, index }) => {
      if (index <= applied) this.#io.read(context)
      return index > applied
    })
  }
}
