import { randomBytes } from 'node:crypto'
import { encodeCommand } from '../../storage/command.ts'
import type { Database } from '../../storage/database.ts'
import { Problem } from '../../storage/problem.ts'
import type { Outcome, Proposal } from '../../storage/types.ts'
import { Applier, type AppliedOutcome } from './applier.ts'
import { configurationOf } from './configuration-row.ts'
import {
  Core, encodeChange, entryTypes, type Configuration, type ConfigurationChange, type Message, type NodeId,
  type Snapshot, type SoftState, type Status, type TraceEvent,
} from './core/index.ts'
import { keepDecoded } from './decoded.ts'
import { Driver, type ProposalOutcome } from './driver.ts'
import type { Log } from './log/index.ts'
import { DurableLog } from './log-storage.ts'
import { Mail } from './mail.ts'
import { Persister } from './persister.ts'
import { ReadBarriers } from './read-barriers.ts'
import { isLate, stamped } from './stamp.ts'

export interface MemberOptions {
  nodeId: NodeId
  database: Database
  log: Log
  idempotencySeconds: number
  /** Log bytes after which the database is flushed and the log cut. */
  flushLogBytes: number
  /** Data of entries that wait for a quorum; more is refused. */
  uncommittedBytesMax: number
  /** A disk that hangs for so long makes a leader step down. */
  diskSeconds: number
  /** So long a read waits for a leader that answers. */
  leaderWaitSeconds: number
  /** Why there is no leader, for whoever waited in vain. */
  leaderless: () => string
  send: (message: Message) => void
  /** A snapshot that can be sent now, if it is not older than `since`; else one is made for later. */
  snapshot: (since: number) => Snapshot | undefined
  /** Replaces database and log by the snapshot. */
  install: (snapshot: Snapshot) => Promise<void>
  /** Entries after this index stay in the log, whatever the database no longer needs. */
  keepFrom: () => number
  onApplied?: (event: { commands: number, seconds: number }) => void
  onSoftState?: (state: SoftState) => void
  onTrace?: (event: TraceEvent) => void
  onDiskRefusal?: (error: Error | null) => void
  /** The node can write no more; it must be started again. */
  onFailure: (error: Error) => void
}

/**
 * What became of a proposal on this node. Elsewhere: it does not lead, and nothing was done. Expired: by the clock of
 * this node, which leads, the write comes too late, and nothing was done. Unknown: a leader that came later decides.
 */
export type LocalOutcome =
  { result: 'expired', now: number } |
  { result: 'applied', outcome: Outcome, index: number } |
  { result: 'elsewhere' } |
  { result: 'busy' } |
  { result: 'unknown' }

/** Bytes of bookkeeping that an entry takes in the log beside its own, about. */
const entryOverheadBytes = 48

/** Bytes in one append to a follower. */
const appendBytesMax = 1024 * 1024
const inflightMessagesMax = 256
const inflightBytesMax = 16 * 1024 * 1024
const applyingBytesMax = 16 * 1024 * 1024

/**
 * This node's part in the cluster: the core, driven by a clock, the log, the database and the messages of others. All
 * that happens in one turn of the event loop is done together: one append, one message to each peer, one apply.
 */
export class Member {
  readonly #options: MemberOptions
  readonly #core: Core
  readonly #driver: Driver<AppliedOutcome>
  readonly #persister: Persister
  readonly #applier: Applier
  readonly #barriers: ReadBarriers
  readonly #mail: Mail
  readonly #listeners = new Set<() => void>()
  #softState: SoftState
  #configuration: Configuration
  #clock: NodeJS.Timeout | null = null
  #tickMs = 0
  #electionTicks = 0
  #isAwake = false
  #flushing: Promise<void> | null = null
  /** Where the log begins when the database was last flushed: what a follower that is a little behind may need. */
  #flushed = 0
  /** What the log holds when the node starts counts too: a node that is often killed would never cut it otherwise. */
  #unflushedBytes: number
  #failure: Error | null = null
  #closed = false

  constructor (options: MemberOptions) {
    const { nodeId, database, log } = options
    this.#options = options
    const failed = (error: Error): void => this.#fail(error)
    const wake = (): void => this.#wake()
    const wakeIfDue = (): void => { if (this.#core.hasReady || this.#mail.waits) this.#wake() }
    this.#mail = new Mail(options.send)
    this.#unflushedBytes = log.bytes
    const storage = new DurableLog({
      log,
      snapshot: options.snapshot,
      onFetched: () => {
        this.#core.fetched()
        this.#wake()
      },
      onFailure: failed,
    })
    const { heartbeatMs, electionMs } = database.settings
    this.#configuration = configurationOf(database.configuration)
    this.#core = new Core({
      id: nodeId,
      storage,
      hardState: log.hardState,
      configuration: this.#configuration,
      applied: database.applied.index,
      electionTicks: electionTicks(heartbeatMs, electionMs),
      heartbeatTicks: 1,
      preVote: true,
      checkQuorum: true,
      leaseReads: false,
      forwardProposals: false,
      stepDownOnRemoval: true,
      checkChanges: true,
      emptyMayVote: false,
      applyUnstable: false,
      appendBytesMax,
      inflightMessagesMax,
      inflightBytesMax,
      uncommittedBytesMax: options.uncommittedBytesMax,
      applyingBytesMax,
      random: (limit) => Math.floor(Math.random() * limit),
      incarnation: randomBytes(4).toString('hex'),
      trace: options.onTrace,
    })
    this.#softState = { leader: null, role: 'follower' }
    this.#barriers = new ReadBarriers({
      ask: () => this.#core.readIndex(),
      wake,
      patienceMs: options.leaderWaitSeconds * 1000,
      leaderless: options.leaderless,
    })
    this.#persister = new Persister({
      log,
      install: async (snapshot) => {
        await this.#applier.idle()
        await options.install(snapshot)
        this.#configuration = configurationOf(database.configuration)
        this.#tell()
      },
      onDone: wakeIfDue,
      onRefused: (error) => options.onDiskRefusal?.(error),
      onFailure: failed,
    })
    this.#applier = new Applier({
      database,
      onApplied: options.onApplied,
      onDone: () => {
        this.#flushIfDue()
        wakeIfDue()
      },
      onFailure: failed,
    })
    this.#driver = new Driver(this.#core, {
      persist: (request, done) => {
        for (const { data } of request.entries) this.#unflushedBytes += data.length + entryOverheadBytes
        this.#persister.persist(request, done)
      },
      send: (message) => this.#mail.send(message),
      apply: (request, done) => {
        this.#applier.apply(request, (outcomes) => {
          if (request.configuration !== null) this.#configuration = request.configuration
          done(outcomes)
          this.#leadIfAlone()
          this.#tell()
        })
      },
      read: (context) => this.#barriers.answered(context),
      readLost: (context) => this.#barriers.lost(context),
      softState: (state) => this.#newSoftState(state),
    }, { diskTicksMax: this.#diskTicks() })
  }

  /** Lets time pass. A node that is the only voter begins to lead at once. */
  start (): void {
    this.#leadIfAlone()
    this.#setClock()
    this.#wake()
  }

  get leader (): NodeId | null {
    return this.#failure === null ? this.#softState.leader : null
  }

  get isLeader (): boolean {
    return this.#failure === null && this.#softState.role === 'leader'
  }

  /** As applied here. */
  get configuration (): Configuration {
    return this.#configuration
  }

  get status (): Status {
    return this.#core.status
  }

  get failure (): Error | null {
    return this.#failure
  }

  get diskHangs (): boolean {
    return this.#driver.diskHangs
  }

  /** Called whenever leadership, configuration or what is applied may have changed. Returns what ends it. */
  watch (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  /**
   * Proposes a command as leader, with all else that this turn brings; calls back once, or never. `appended` is called
   * before that, when the command is in this leader's log, but perhaps not yet on its disk.
   */
  propose (proposal: Proposal, answer: (outcome: LocalOutcome) => void, appended?: () => void): void {
    const command = stamped(proposal, this.#options.database, this.#options.idempotencySeconds)
    if (isLate(command)) return answer({ result: 'expired', now: command.timestamp })
    const data = encodeCommand(command)
    keepDecoded(data, command)
    this.#options.database.readAhead(command)
    this.#driver.propose(data, (outcome) => { answer(localOutcome(outcome)) }, entryTypes.command, appended)
    this.#wake()
  }

  /** Proposes another configuration. Whether it came to that shows in `configuration`. */
  proposeChange (change: ConfigurationChange): void {
    this.#driver.propose(encodeChange(change), () => {}, entryTypes.configuration)
    this.#wake()
  }

  /** Resolves when the database holds every write that was acknowledged anywhere before the call. */
  async readBarrier (): Promise<void> {
    // A write is acknowledged once its only voter has applied it.
    if (this.isLeader && this.#isAlone) return
    await this.#barriers.wait()
  }

  step (message: Message): void {
    if (this.#closed || this.#failure !== null) return
    try {
      this.#core.step(message)
    } catch (error) {
      return this.#fail(contradiction(error as Error))
    }
    this.#wake()
  }

  /** The node waits until it has applied what is committed here. */
  hurry (id: NodeId): void {
    this.#mail.hurry(id)
  }

  transferLeadership (to: NodeId): void {
    this.#core.transferLeadership(to)
    this.#wake()
  }

  reportUnreachable (id: NodeId): void {
    this.#core.reportUnreachable(id)
    this.#wake()
  }

  reportSnapshot (id: NodeId, arrived: boolean): void {
    this.#core.reportSnapshot(id, arrived)
    this.#wake()
  }

  /** Stops the clock, finishes what the disk was given, and makes the database whole without its log. */
  async close (): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#clock !== null) clearInterval(this.#clock)
    this.#mail.close()
    this.#barriers.close(new Problem('DRAINING', { reason: 'this node is shutting down' }))
    // A flush ends by cutting the log, so it ends before the log does; none begins from here on.
    await this.#flushing
    this.#persister.close()
    await this.#options.log.close()
    await this.#applier.idle()
    if (this.#failure === null) await this.#options.database.flush()
  }

  get #isAlone (): boolean {
    return this.#configuration.voters.length === 1 && this.#configuration.votersOutgoing.length === 0
  }

  /** The only voter has nobody to wait for. */
  #leadIfAlone (): void {
    const { leader, role } = this.#softState
    if (leader !== null || role !== 'follower') return
    if (this.#isAlone && this.#configuration.voters[0] === this.#options.nodeId) this.#core.campaign()
  }

  /** Once for all that one turn of the event loop brings. */
  #wake (): void {
    if (this.#isAwake || this.#closed) return
    this.#isAwake = true
    setImmediate(() => {
      this.#isAwake = false
      if (this.#failure !== null) return
      try {
        this.#barriers.ask()
        this.#driver.turn()
        this.#mail.endTurn()
      } catch (error) {
        this.#fail(error as Error)
      }
    })
  }

  #tick (): void {
    if (this.#failure !== null) return
    this.#driver.tick()
    this.#barriers.tick()
    this.#setClock()
    this.#wake()
  }

  /** The times are settings of the cluster, and may change while it runs. */
  #setClock (): void {
    const { heartbeatMs, electionMs } = this.#options.database.settings
    if (heartbeatMs !== this.#tickMs) {
      this.#tickMs = heartbeatMs
      this.#driver.setDiskTicks(this.#diskTicks())
      if (this.#clock !== null) clearInterval(this.#clock)
      this.#clock = setInterval(() => this.#tick(), heartbeatMs)
    }
    const ticks = electionTicks(heartbeatMs, electionMs)
    if (ticks === this.#electionTicks) return
    if (this.#electionTicks !== 0) this.#core.setTimeouts(ticks, 1)
    this.#electionTicks = ticks
  }

  /** How long the disk may take. */
  #diskTicks (): number {
    const { database, diskSeconds } = this.#options
    return Math.max(2, Math.ceil(diskSeconds * 1000 / database.settings.heartbeatMs))
  }

  #newSoftState (state: SoftState): void {
    this.#softState = state
    this.#options.onSoftState?.(state)
    this.#tell()
  }

  #tell (): void {
    for (const listener of this.#listeners) listener()
  }

  /** Off the way of writes: the log is cut behind them when the database no longer needs it. */
  #flushIfDue (): void {
    const { log, database, flushLogBytes } = this.#options
    if (this.#flushing !== null || this.#closed || this.#unflushedBytes < flushLogBytes) return
    // Followers that are a little behind find in the log what they lack: it reaches back by one flush more.
    const keepFrom = Math.min(this.#options.keepFrom(), this.#isAlone ? Infinity : this.#flushed)
    this.#unflushedBytes = 0
    this.#flushing = database.flush()
      .then(async ({ index }) => {
        await log.compact(Math.min(index, keepFrom))
        this.#flushed = index
      })
      .catch((error: Error) => this.#fail(error))
      .finally(() => { this.#flushing = null })
  }

  #fail (error: Error): void {
    if (this.#failure !== null) return
    this.#failure = error
    if (this.#clock !== null) clearInterval(this.#clock)
    this.#barriers.close(new Problem('STORAGE_FAILED', { reason: error.message }, { cause: error }))
    this.#options.onFailure(error)
    this.#tell()
  }
}

/** An assertion of the core: what this node holds and what it is told cannot both be so. */
function contradiction (error: Error): Error {
  return new Error(`${error.message}. The others know more of this node than it does: its disk lost data, an older copy of its ` +
    'folder was put back, or another process runs on a copy. See that no other has its id; then give it an empty data folder', { cause: error })
}

/** Ticks are heartbeats. Two are the least that leaves room for one that is late. */
function electionTicks (heartbeatMs: number, electionMs: number): number {
  return Math.max(2, Math.round(electionMs / heartbeatMs))
}

function localOutcome (outcome: ProposalOutcome<AppliedOutcome>): LocalOutcome {
  switch (outcome.result) {
    // Only entries without a command have no outcome, and those are not proposed here.
    case 'applied': return { result: 'applied', outcome: outcome.outcome!, index: outcome.index }
    case 'lost': return { result: 'elsewhere' }
    case 'refused': return { result: outcome.reason === 'too-much-waiting' ? 'busy' : 'elsewhere' }
    case 'unknown': return { result: 'unknown' }
  }
}
