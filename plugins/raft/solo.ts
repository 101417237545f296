import { decodeCommand, encodeCommand } from '../../storage/command.ts'
import type { Applied, Database } from '../../storage/database.ts'
import { Problem } from '../../storage/problem.ts'
import type { Command, Outcome, Proposal, WriteCommand } from '../../storage/types.ts'
import type { Consensus, ConsensusStatus } from './consensus.ts'
import { DataFolderError } from './data-folder-error.ts'
import type { Log, LogError, LogErrorCode } from './log/index.ts'
import { Proposals, type Waiting } from './proposals.ts'

export interface SoloOptions {
  nodeId: string
  database: Database
  log: Log
  writesPendingMax: number
  writeTimeoutSeconds: number
  idempotencySeconds: number
  /** Log bytes after which the database is flushed and the log cut. */
  flushLogBytes: number
  onApplied?: (event: { commands: number, seconds: number }) => void
  /** The node can write no more; it must be started again. */
  onFailure: (error: Error) => void
}

/** How much of the log is read at a time while it is replayed. */
const replayBytes = 8 * 1024 * 1024

/** Bytes of bookkeeping that an entry takes in the log beside its own, about. */
const entryOverheadBytes = 48

/** The proposals of a turn go to the log before its end when they are more than this. */
const turnBytesMax = 1024 * 1024

/** Errors of the log that leave it as it was: nothing was written, and it can be tried again. */
const refusals = new Set<LogErrorCode>(['LOG_FULL', 'LOG_NO_SEGMENT', 'LOG_CLOSED'])

interface Proposed {
  command: Command
  data: Buffer
  waiting: Waiting
}

/** A committed command, and who waits for its outcome. */
interface Committed extends Applied {
  waiting: Waiting | null
}

/**
 * Consensus of one: the log's own disk is the quorum. A command is committed when it is durable; commands are applied
 * in log order, all that wait in one batch, while the next batch is being synced.
 */
export class Solo implements Consensus {
  readonly #options: SoloOptions
  readonly #log: Log
  readonly #database: Database
  readonly #proposals: Proposals
  readonly #term: number
  /** What was proposed in this turn of the event loop. */
  #proposed: Proposed[] = []
  #proposedBytes = 0
  #committed: Committed[] = []
  #applying: Promise<void> | null = null
  #flushing: Promise<void> | null = null
  /** What the log holds when the node starts counts too: a node that is often killed would never cut it otherwise. */
  #unflushedBytes: number
  #failure: Error | null = null
  #closed = false

  private constructor (options: SoloOptions, term: number) {
    this.#options = options
    this.#log = options.log
    this.#unflushedBytes = options.log.bytes
    this.#database = options.database
    this.#term = term
    this.#proposals = new Proposals({ max: options.writesPendingMax, timeoutSeconds: options.writeTimeoutSeconds })
  }

  /**
   * Replays what the log holds beyond the database, and begins a term of its own as a Raft leader does.
   *
   * @throws DataFolderError when database and log do not meet: one was lost, and acknowledged writes may be.
   */
  static async start (options: SoloOptions): Promise<Solo> {
    const { log, database } = options
    if (database.applied.index > log.lastIndex) {
      throw new DataFolderError('LOG_LOST', `The database has applied command ${database.applied.index}, but the log ` +
        `ends at ${log.lastIndex}: its end was damaged, or the log folder was lost or is another node's. Put it back, or ` +
        'restore this node from a backup.')
    }
    if (log.firstIndex > database.applied.index + 1) {
      throw new DataFolderError('DATABASE_LOST', `The log begins at command ${log.firstIndex}, but the database has ` +
        `applied only ${database.applied.index}: the database folder was lost or is older than the log allows. Put it ` +
        'back, or restore this node from a backup.')
    }
    if (log.termOf(database.applied.index) !== database.applied.term) {
      throw new DataFolderError('LOG_LOST', `The database has applied command ${database.applied.index} of term ` +
        `${database.applied.term}, which in the log has another term: the log folder is another node's. Put back this ` +
        'node\'s own, or restore it from a backup.')
    }
    const term = log.hardState.term + 1
    const solo = new Solo(options, term)
    await solo.#replay()
    const index = log.lastIndex + 1
    await log.append({
      hardState: { term, vote: options.nodeId, commit: log.lastIndex },
      entries: [{ index, term, type: 0, data: Buffer.alloc(0) }],
    })
    solo.#commit([{ index, term, command: null, waiting: null }])
    return solo
  }

  get status (): ConsensusStatus {
    return {
      nodeId: this.#options.nodeId,
      leader: this.#failure === null ? this.#options.nodeId : null,
      term: this.#term,
      lastIndex: this.#log.lastIndex,
      commitIndex: this.#log.durableIndex,
      appliedIndex: this.#database.applied.index,
    }
  }

  get pending (): number {
    return this.#proposals.size
  }

  async propose (proposal: Proposal): Promise<Outcome> {
    if (this.#closed) throw new Problem('DRAINING', { reason: 'this node is shutting down' })
    if (this.#failure !== null) throw this.#refusal(this.#failure)
    this.#proposals.admit()
    const command = this.#stamp(proposal)
    const data = encodeCommand(command)
    this.#database.readAhead(command)
    const waiting = this.#proposals.wait()
    this.#proposed.push({ command, data, waiting })
    this.#proposedBytes += data.length + entryOverheadBytes
    // All that one turn brings goes to the log together: one append, and mostly one sync.
    if (this.#proposed.length === 1) setImmediate(() => this.#append())
    else if (this.#proposedBytes > turnBytesMax) this.#append()
    return waiting.outcome
  }

  /** Every acknowledged write was applied here before it was acknowledged. */
  async readBarrier (): Promise<void> {}

  /** Finishes what was accepted, and makes the database whole without its log. */
  async close (): Promise<void> {
    this.#closed = true
    // A flush ends by cutting the log, so it ends before the log does; none begins from here on.
    await this.#flushing
    this.#append()
    await this.#log.close()
    await this.#applying
    if (this.#failure === null) await this.#database.flush()
    this.#proposals.failAll(new Problem('OUTCOME_UNKNOWN', { reason: 'this node shut down' }))
    this.#proposals.close()
  }

  #stamp (proposal: Proposal): Command {
    const timestamp = Math.max(Date.now(), this.#database.timestamp)
    if (proposal.kind !== 'write') return { ...proposal, timestamp }
    // Member by member: spreading the proposal takes several times as long.
    const { compare, then, else: otherwise, idempotency } = proposal
    const command: WriteCommand = { kind: 'write', timestamp, compare, then }
    if (otherwise !== undefined) command.else = otherwise
    if (idempotency !== undefined) {
      command.idempotency = { ...idempotency, expiresAt: timestamp + this.#options.idempotencySeconds * 1000 }
    }
    return command
  }

  #append (): void {
    const proposed = this.#proposed
    if (proposed.length === 0) return
    this.#unflushedBytes += this.#proposedBytes
    this.#proposed = []
    this.#proposedBytes = 0
    const term = this.#term
    const first = this.#log.lastIndex + 1
    const entries = proposed.map(({ data }, at) => ({ index: first + at, term, type: 0, data }))
    this.#log.append({ entries }).then(
      () => this.#commit(proposed.map(({ command, waiting }, at) => ({ index: first + at, term, command, waiting }))),
      (error: LogError) => {
        if (!refusals.has(error.code)) return this.#fail(error)
        for (const { waiting } of proposed) this.#proposals.refuse(waiting, this.#refusal(error))
      })
  }

  async #replay (): Promise<void> {
    for (let next = this.#database.applied.index + 1; next <= this.#log.lastIndex;) {
      const entries = await this.#log.entries(next, this.#log.lastIndex + 1, replayBytes)
      await this.#database.apply(entries.map(({ index, term, data }) => (
        { index, term, command: data.length === 0 ? null : decodeCommand(data) })))
      next += entries.length
    }
  }

  /** Appends become durable in order, so commands are committed in order. */
  #commit (commands: Committed[]): void {
    this.#committed.push(...commands)
    this.#applying ??= this.#applyAll().finally(() => { this.#applying = null })
  }

  async #applyAll (): Promise<void> {
    while (this.#committed.length > 0 && this.#failure === null) {
      const batch = this.#committed
      this.#committed = []
      const begun = performance.now()
      try {
        const outcomes = await this.#database.apply(batch)
        this.#database.stored().catch((error: Error) => this.#fail(error))
        this.#options.onApplied?.({ commands: batch.length, seconds: (performance.now() - begun) / 1000 })
        for (const [at, { waiting }] of batch.entries()) {
          if (waiting !== null) this.#proposals.settle(waiting, outcomes[at]!)
        }
      } catch (error) {
        this.#fail(error as Error)
      }
    }
    if (this.#unflushedBytes > this.#options.flushLogBytes) this.#flush()
  }

  /** Off the way of writes: the log is cut behind them when the database no longer needs it. */
  #flush (): void {
    if (this.#flushing !== null || this.#closed) return
    this.#unflushedBytes = 0
    this.#flushing = this.#database.flush()
      .then(({ index }) => this.#log.compact(index))
      .catch((error: Error) => this.#fail(error))
      .finally(() => { this.#flushing = null })
  }

  #fail (error: Error): void {
    if (this.#failure !== null) return
    this.#failure = error
    // What was accepted may be in the log, and then it is done when the node starts again.
    this.#proposals.failAll(new Problem('OUTCOME_UNKNOWN', { reason: error.message }, { cause: error }))
    this.#options.onFailure(error)
  }

  #refusal (error: Error): Problem {
    return new Problem('STORAGE_FAILED', { reason: error.message }, { cause: error })
  }
}
