import { Core, entryTypes } from '../../../plugins/raft/core/index.ts'
import type {
  Configuration, CoreOptions, Entry, HardState, LogStorage, Message, NodeId, ReadState, Ready, StepRefusal, TraceEvent,
} from '../../../plugins/raft/core/index.ts'
import { MemoryLog } from '../support/memory-log.ts'

/** A log that may not have all entries in memory. */
export type Disk = Omit<MemoryLog, 'entries'> & LogStorage

export type Tuning = Partial<Omit<CoreOptions, 'id' | 'storage' | 'hardState' | 'configuration' | 'applied'>>

/** What a node's disk holds before it starts for the first time. */
export interface Beginning {
  configuration: Configuration
  /** The terms of the log's entries from index 1 on. */
  terms?: readonly number[]
  hardState?: Partial<HardState>
  disk?: Disk
}

/** The state machine that a snapshot holds: every entry that was ever applied. */
interface Machine {
  entries: readonly Entry[]
  configuration: Configuration
}

const defaults = {
  electionTicks: 10,
  heartbeatTicks: 1,
  preVote: true,
  checkQuorum: true,
  leaseReads: false,
  forwardProposals: true,
  stepDownOnRemoval: true,
  checkChanges: true,
  emptyMayVote: false,
  applyUnstable: false,
  appendBytesMax: 1e6,
  inflightMessagesMax: 100,
  inflightBytesMax: 1e6,
  uncommittedBytesMax: 1e6,
  applyingBytesMax: 1e6,
  random: () => 0,
}

/** Snapshots of all nodes of a test: bytes that the core never sees. */
const snapshots = new WeakMap<object, Machine>()

/** One core, its disk and its state machine. It writes only when it is told to. */
export class Node {
  readonly id: NodeId
  readonly disk: Disk
  /** Asked for, and not durable yet; oldest first. */
  writes: Ready[] = []
  reads: ReadState[] = []
  lostReads: string[] = []
  events: TraceEvent[] = []
  /** Set, committed entries wait for `apply`. */
  holdsApplies = false
  readonly #tuning: Tuning
  readonly #send: (message: Message) => void
  readonly #first: Machine
  #core: Core | null = null
  #machine: Machine
  #toApply: Entry[] = []
  #starts = 0

  constructor (id: NodeId, { configuration, terms = [], hardState, disk = new MemoryLog() }: Beginning, tuning: Tuning,
    send: (message: Message) => void) {
    this.id = id
    this.disk = disk
    this.#tuning = tuning
    this.#send = send
    this.#first = { entries: [], configuration }
    this.#machine = this.#first
    this.disk.append(terms.map((term, at) => (
      { index: at + 1, term, type: entryTypes.command, data: Buffer.from(`entry ${at + 1} of term ${term}`) })))
    this.disk.hardState = { term: terms.at(-1) ?? 0, vote: null, commit: 0, ...hardState }
    this.start()
  }

  get core (): Core {
    if (this.#core === null) throw new Error(`node ${this.id} is down`)
    return this.#core
  }

  get isUp (): boolean {
    return this.#core !== null
  }

  /** All that the state machine holds. */
  get applied (): readonly Entry[] {
    return this.#machine.entries
  }

  /** The commands among it, as text. */
  get texts (): string[] {
    return this.applied.filter(({ type, data }) => type === entryTypes.command && data.length > 0)
      .map(({ data }) => data.toString())
  }

  start (): void {
    const kept = this.#kept
    this.#machine = kept
    this.#core = new Core({
      ...defaults,
      incarnation: `life-${++this.#starts}`,
      trace: (event) => { this.events.push(event) },
      ...this.#tuning,
      id: this.id,
      storage: this.disk,
      hardState: this.disk.hardState,
      configuration: kept.configuration,
      applied: kept.entries.length,
    })
    this.take()
  }

  /** What was not durable is gone, and what is durable is all that is left. */
  crash (): void {
    this.#core = null
    this.writes = []
    this.#toApply = []
  }

  /** Has the core do something, and takes what comes of it. */
  run<Result> (what: (core: Core) => Result): Result {
    const result = what(this.core)
    this.take()
    return result
  }

  step (message: Message): StepRefusal | null {
    return this.run((core) => core.step(message))
  }

  take (): void {
    const { core } = this
    while (core.hasReady) {
      const ready = core.ready()
      for (const message of ready.messages) this.#send(message)
      this.writes.push(ready)
      this.reads.push(...ready.reads)
      this.lostReads.push(...ready.lostReads)
      this.#toApply.push(...ready.committed)
      if (!this.holdsApplies) this.#apply()
    }
  }

  apply (): void {
    this.#apply()
    this.take()
  }

  /** All that it was asked to make durable so far is. */
  persist (): void {
    for (const ready of this.writes.splice(0)) this.#persist(ready)
    this.take()
  }

  /** A snapshot at what is applied takes the place of the log, but for its newest entries. */
  compact (keep = 0): void {
    const { applied: index, configuration } = this.core.status
    const snapshot = { index, term: this.disk.term(index), configuration }
    snapshots.set(snapshot, this.#machine)
    this.disk.saveSnapshot(snapshot)
    this.disk.compact(index - keep)
  }

  get #kept (): Machine {
    const snapshot = this.disk.snapshot()
    return snapshot === undefined ? this.#first : snapshots.get(snapshot)!
  }

  #persist ({ hardState, entries, snapshot, responses, receipt }: Ready): void {
    if (snapshot !== null) {
      this.disk.applySnapshot(snapshot)
      this.#machine = this.#kept
    }
    this.disk.append(entries)
    if (hardState !== null) this.disk.hardState = hardState
    for (const message of responses) {
      if (message.to === this.id) this.core.step(message)
      else this.#send(message)
    }
    if (receipt !== null) this.core.persisted(receipt)
  }

  #apply (): void {
    const entries = this.#toApply.splice(0)
    for (const entry of entries) {
      const { type } = entry
      const configuration = type === entryTypes.configuration
        ? this.core.applyConfiguration(entry)
        : this.#machine.configuration
      this.#machine = { entries: [...this.#machine.entries, entry], configuration }
    }
    this.core.applied(entries)
  }
}
